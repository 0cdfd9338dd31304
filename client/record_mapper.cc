#include "client/record_mapper.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "base/json_string.h"
#include "base/status_macros.h"
#include "client/json_text.h"
#include "client/record_scanner.h"

namespace syncline::client {

absl::StatusOr<absl::string_view> RecordMapper::Map(absl::string_view line) {
  line_.assign(1, '{');
  absl::Status status;
  const bool whole = ScanRecord(line, [&](absl::string_view raw_key, JsonText value) {
    if (!status.ok()) return;
    const auto key = FindKey(raw_key);
    status = key.status();
    if (!status.ok() || (*key)->empty()) return;
    absl::StrAppend(&line_, line_.size() > 1 ? "," : "", **key, value.raw);
  });
  SYNCLINE_RETURN_IF_ERROR(status);
  if (!whole) return line;
  line_.push_back('}');
  return absl::string_view(line_);
}

absl::Status RecordMapper::CheckNames() const {
  return input_names_.empty() ? absl::OkStatus() : mapping_->CheckNames(input_names_);
}

absl::StatusOr<const std::string*> RecordMapper::FindKey(absl::string_view raw_key) {
  const auto known = keys_.find(raw_key);
  if (known != keys_.end()) return &known->second;
  const JsonText quoted{JsonKind::kString,
                        absl::string_view(raw_key.data() - 1, raw_key.size() + 2)};
  const std::string input_name = UnescapeJson(quoted);
  std::string key;
  if (const std::optional<std::string> name = mapping_->Map(input_name)) {
    const auto [owner, added] = inputs_.emplace(*name, input_name);
    if (!added && owner->second != input_name) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the fields ", owner->second, " and ", input_name, " would both become the column ",
          *name, "; give one of them another name with --rename"));
    }
    key = absl::StrCat(JsonString(*name), ":");
  }
  input_names_.push_back(input_name);
  return &keys_.emplace(raw_key, std::move(key)).first->second;
}

}  // namespace syncline::client

#include "server/dataflow/parse/meta_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/model/plain_meta.h"

namespace syncline::dataflow {
namespace {

absl::string_view FormatChange(Coercion coercion) {
  switch (coercion) {
    case Coercion::kUnreadable:
    case Coercion::kNotFinite:
    case Coercion::kNulledInside:
      return R"("change":"NULLED","reason":"DESTINATION_SERIALIZATION_ERROR"})";
    case Coercion::kOutOfRange:
      return R"("change":"NULLED","reason":"DESTINATION_FIELD_SIZE_LIMITATION"})";
    case Coercion::kCleaned:
      return R"("change":"TRUNCATED","reason":"DESTINATION_SERIALIZATION_ERROR"})";
    case Coercion::kCut:
      return R"("change":"TRUNCATED","reason":"DESTINATION_FIELD_SIZE_LIMITATION"})";
    case Coercion::kFits:
    case Coercion::kMalformed:
    case Coercion::kTooDeep:
      break;
  }
  return "}";
}

// Returns `name` as a JSON string that jsonb can store.
std::string StorableJsonString(absl::string_view name) {
  Value value;
  ScratchArena scratch;
  kAnyJsonCoercer.from_text(name, &scratch, &value);
  return std::string(value.text());
}

}  // namespace

MetaText::MetaText(const TableSchema& schema, int64_t sync_id)
    : head_(absl::StrCat("{\"sync_id\":", sync_id, ",\"changes\":[")),
      without_(MakePlainMeta(sync_id)) {
  for (const ColumnSchema& column : schema.columns)
    fields_.push_back(StorableJsonString(column.input_name));
}

absl::string_view MetaText::Text() {
  if (changes_.empty() && source_changes_.empty()) return without_;
  text_ = head_;
  absl::StrAppend(&text_, absl::StripAsciiWhitespace(source_changes_));
  for (const auto& [column, coercion] : changes_) {
    if (text_.size() != head_.size()) text_.push_back(',');
    absl::StrAppend(&text_, "{\"field\":", fields_[column], ",", FormatChange(coercion));
  }
  absl::StrAppend(&text_, "]}");
  return text_;
}

}  // namespace syncline::dataflow

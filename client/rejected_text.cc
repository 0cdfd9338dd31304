#include "client/rejected_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/utf8.h"
#include "client/list_text.h"
#include "client/summary_text.h"

namespace syncline::client {
namespace {

constexpr size_t kShownBytes = 60;

}  // namespace

std::string GetPrintableStart(absl::string_view raw) {
  std::string text(CutAtCharacter(raw, kShownBytes));
  const bool utf8 = IsUtf8(text);
  std::replace_if(
      text.begin(), text.end(),
      [utf8](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7F || (!utf8 && byte >= 0x80);
      },
      '?');
  return raw.size() > kShownBytes ? text + "..." : text;
}

void RejectedTable::Add(const v1::RejectedRecord& record) {
  Group& group = groups_[{StreamTitle(record.descriptor()), record.reason()}];
  ++group.count;
  if (group.first.size() < kShown) group.first.push_back(record);
}

std::string RejectedTable::Format() const {
  std::vector<std::vector<std::string>> rows = {
      {"STREAM", "REASON", "RECORDS", "WRITER", "OFFSET", "BEGINS WITH"}};
  for (const auto& [key, group] : groups_) {
    for (size_t i = 0; i < group.first.size(); ++i) {
      const v1::RejectedRecord& record = group.first[i];
      rows.push_back({i == 0 ? key.first : "", i == 0 ? key.second : "",
                      i == 0 ? absl::StrCat(group.count) : "",
                      record.writer_id().empty() ? "-" : record.writer_id(),
                      absl::StrCat(record.offset()), GetPrintableStart(record.raw())});
    }
  }
  CutLastColumn(&rows);
  return FormatTable(rows);
}

}  // namespace syncline::client

#include "server/sync/unreadable_records.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/sync/sync_errors.h"

namespace syncline::sync {
namespace {

constexpr size_t kMaxReasonBytes = 64;

bool IsReason(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxReasonBytes && text[0] >= 'A' && text[0] <= 'Z' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return absl::ascii_isupper(c) || absl::ascii_isdigit(c) || c == '_';
         });
}

}  // namespace

absl::Status CheckUnreadable(const v1::RecordBatch& batch, int64_t records) {
  if (batch.unreadable().empty()) return absl::OkStatus();
  if (!batch.has_jsonl()) {
    return InvalidRequest({{"batch.unreadable", "is allowed for jsonl only"}});
  }
  int64_t next = batch.first_offset();
  for (int i = 0; i < batch.unreadable_size(); ++i) {
    const v1::UnreadableRecord& record = batch.unreadable(i);
    const std::string path = absl::StrCat("batch.unreadable[", i, "]");
    if (record.offset() < next || record.offset() - batch.first_offset() >= records) {
      return InvalidRequest({{path + ".offset", "must be within the batch and ascending"}});
    }
    if (!IsReason(record.reason())) {
      return InvalidRequest({{path + ".reason", "must be UPPER_SNAKE and have 1-64 characters"}});
    }
    next = record.offset() + 1;
  }
  return absl::OkStatus();
}

}  // namespace syncline::sync

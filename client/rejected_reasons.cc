#include "client/rejected_reasons.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/status_macros.h"

namespace syncline::client {
namespace {

constexpr int kPageSize = 1000;

}  // namespace

absl::StatusOr<std::vector<RejectedReason>> ReadRejectedReasons(
    SyncClient* client, const std::string& sync_id, const v1::StreamDescriptor& descriptor) {
  v1::ListRejectedRecordsRequest request;
  request.set_sync_id(sync_id);
  *request.mutable_descriptor() = descriptor;
  request.set_page_size(kPageSize);
  std::map<std::string, RejectedReason> by_reason;
  int64_t read = 0;
  do {
    SYNCLINE_ASSIGN_OR_RETURN(const v1::ListRejectedRecordsResponse page,
                              client->ListRejectedRecords(request));
    for (const v1::RejectedRecord& record : page.records()) {
      if (read++ == kMaxRejectedRead) break;
      RejectedReason& reason = by_reason[record.reason()];
      if (reason.count++ == 0) {
        reason.reason = record.reason();
        reason.first_offset = record.offset();
        reason.first_writer = record.writer_id();
      }
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && read < kMaxRejectedRead);
  std::vector<RejectedReason> reasons;
  reasons.reserve(by_reason.size());
  for (auto& [name, reason] : by_reason) reasons.push_back(std::move(reason));
  std::stable_sort(
      reasons.begin(), reasons.end(),
      [](const RejectedReason& a, const RejectedReason& b) { return a.count > b.count; });
  return reasons;
}

}  // namespace syncline::client

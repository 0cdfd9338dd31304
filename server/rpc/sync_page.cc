#include "server/rpc/sync_page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "server/model/sync_record.h"
#include "server/rpc/conversion.h"
#include "server/rpc/request_names.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

// Number of syncs that are read before anything is known about their size. Each has up to
// --max_streams_per_sync streams.
constexpr int64_t kFirstRead = 16;
// Tag and length of a summary in the response.
constexpr int64_t kEntryOverhead = 8;
constexpr int64_t kMaxSeconds = 253'402'300'799;  // the end of the year 9999

// Returns how many more syncs probably fit into a page that has `count` in `bytes`.
int64_t EstimateRest(int64_t count, int64_t bytes) {
  return std::max<int64_t>(1, (kMaxSyncPageBytes - bytes) / std::max<int64_t>(1, bytes / count));
}

}  // namespace

absl::Status ReadSyncFilter(const v1::ListSyncsRequest& request, SyncQuery* query) {
  std::vector<FieldViolation> violations;
  switch (request.state()) {
    case v1::SYNC_STATE_UNSPECIFIED:
      break;
    case v1::SYNC_STATE_STARTING:
    case v1::SYNC_STATE_RUNNING:
    case v1::SYNC_STATE_FINISHED:
    case v1::SYNC_STATE_CANCELLED:
    case v1::SYNC_STATE_INTERRUPTED:
      query->state = absl::AsciiStrToLower(
          absl::StripPrefix(v1::SyncState_Name(request.state()), "SYNC_STATE_"));
      break;
    default:
      violations.push_back({"state", "must be a SyncState"});
  }
  CheckName(request.table_name(), "table_name", &violations);
  CheckName(request.table_schema(), "table_schema", &violations);
  if (!request.table_schema().empty() && request.table_name().empty()) {
    violations.push_back({"table_schema", "is only for a table_name"});
  }
  const int64_t seconds = request.started_since().seconds();
  if (seconds < 0 || seconds > kMaxSeconds) {
    violations.push_back({"started_since", "must be from 1970 to 9999"});
  }
  if (!violations.empty()) return sync::InvalidRequest(std::move(violations));
  query->table_name = request.table_name();
  query->table_schema = request.table_schema();
  query->started_since =
      absl::FromUnixSeconds(seconds) + absl::Nanoseconds(request.started_since().nanos());
  return absl::OkStatus();
}

absl::Status FillSyncPage(sync::SyncRegistry* registry, const SyncQuery& query,
                          v1::ListSyncsResponse* response) {
  SyncQuery part = query;
  int64_t bytes = 0;
  int64_t next_read = kFirstRead;
  int left = query.limit;
  while (left > 0) {
    part.limit = static_cast<int>(std::min<int64_t>(left, next_read));
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<SyncEntry> syncs, registry->List(part));
    for (const SyncEntry& sync : syncs) {
      v1::SyncSummary summary = ToSummary(sync);
      bytes += static_cast<int64_t>(summary.ByteSizeLong()) + kEntryOverhead;
      if (bytes > kMaxSyncPageBytes && response->syncs_size() > 0) {
        response->set_next_page_token(absl::StrCat(part.before));
        return absl::OkStatus();
      }
      *response->add_syncs() = std::move(summary);
      part.before = sync.sync_no;
      --left;
    }
    if (static_cast<int>(syncs.size()) < part.limit) return absl::OkStatus();
    next_read = EstimateRest(response->syncs_size(), bytes);
  }
  response->set_next_page_token(absl::StrCat(part.before));
  return absl::OkStatus();
}

}  // namespace syncline::rpc

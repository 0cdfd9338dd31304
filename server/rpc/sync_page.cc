#include "server/rpc/sync_page.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/model/sync_record.h"
#include "server/rpc/conversion.h"

namespace syncline::rpc {
namespace {

// Number of syncs that are read before anything is known about their size. Each has up to
// --max_streams_per_sync streams.
constexpr int64_t kFirstRead = 16;
// Tag and length of a summary in the response.
constexpr int64_t kEntryOverhead = 8;

// Returns how many more syncs probably fit into a page that has `count` in `bytes`.
int64_t EstimateRest(int64_t count, int64_t bytes) {
  return std::max<int64_t>(1, (kMaxSyncPageBytes - bytes) / std::max<int64_t>(1, bytes / count));
}

}  // namespace

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

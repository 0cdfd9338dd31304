// Pages of ListSyncs, which are limited by their number of syncs and by bytes.
//
// Stateless: safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "server/model/sync_query.h"
#include "server/sync/sync_registry.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

// Maximum size of a page in bytes, unless its only sync is larger. gRPC clients refuse messages of
// more than 4 MiB by default.
inline constexpr int64_t kMaxSyncPageBytes = int64_t{3} << 20;

// Adds the filters of `request` to `query`. Errors: INVALID_ARGUMENT for a state or a time that
// does not exist.
absl::Status ReadSyncFilter(const v1::ListSyncsRequest& request, SyncQuery* query);

// Writes the page that `query` selects, and the token of the next page, to `response`. Reads few
// syncs at a time, so that little more than the page is in memory. Blocks. Errors: those of the
// database.
absl::Status FillSyncPage(sync::SyncRegistry* registry, const SyncQuery& query,
                          v1::ListSyncsResponse* response);

}  // namespace syncline::rpc

// Reads syncs from the ledger: their streams with plans, columns and writers.
//
// `quoted_schema` is the ledger's schema, quoted for SQL. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// What is read of each sync.
enum class SyncParts {
  kPlans,    // all but its progress: last_progress_at and interrupted are not set
  kSummary,  // all but the columns of its streams, of which a sync may have a million
};

// Returns the syncs that `condition` selects ("WHERE … ORDER BY …", with `params`), in its order.
absl::StatusOr<std::vector<SyncEntry>> ReadSyncs(Transaction& transaction,
                                                 absl::string_view quoted_schema,
                                                 absl::string_view condition, const Params& params,
                                                 SyncParts parts);

// Reads the stream. Returns nullopt if there is none.
absl::StatusOr<std::optional<StreamEntry>> ReadStream(Transaction& transaction,
                                                      absl::string_view quoted_schema,
                                                      int64_t stream_no);

// Locks the stream's row until the transaction ends and reads it. Returns nullopt if there is none.
absl::StatusOr<std::optional<StreamEntry>> ReadAndLockStream(Transaction& transaction,
                                                             absl::string_view quoted_schema,
                                                             int64_t stream_no);

}  // namespace syncline::postgres

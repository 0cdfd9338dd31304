// Finds the syncs that are watched and notices their changes, in one statement for all.
//
// `quoted_schema` is the ledger's schema, quoted for SQL. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/sync_mark.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns the syncs with these ids, in any order. Unknown ids are omitted.
absl::StatusOr<std::vector<SyncIdentity>> FindSyncs(Transaction& transaction,
                                                    absl::string_view quoted_schema,
                                                    const std::vector<std::string>& sync_ids);

// Returns the marks of these syncs, in any order. Unknown numbers are omitted.
absl::StatusOr<std::vector<SyncMark>> ReadSyncMarks(Transaction& transaction,
                                                    absl::string_view quoted_schema,
                                                    const std::vector<int64_t>& sync_nos);

}  // namespace syncline::postgres

// Empties the states of checkpoints that a newer one replaces, so that a sync that sends many
// states does not fill the ledger.
//
// Of each writer, and of the checkpoints that cover several writers of a sync, the newest state
// stays until the sync is removed, and every state stays for kStateKept after the number of the
// next one was assigned, so that a watcher that is connected receives it. The rows stay.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

inline constexpr absl::Duration kStateKept = absl::Seconds(60);

// Maximum states that DropCheckpointStates empties in one transaction, of each kind.
inline constexpr int64_t kStatesPerTransaction = 1000;

// Empties states of `sync_nos`, or of all syncs if that is nullopt, and sets their `state_dropped`.
// Never waits for a row. Returns how many it emptied; if that is kStatesPerTransaction or more,
// more may follow. A crash of the database may lose it, so the transaction need not be durable.
// `quoted_schema` is the ledger's schema, quoted for SQL. Stateless: safe from any thread.
absl::StatusOr<int64_t> DropCheckpointStates(Transaction& transaction,
                                             absl::string_view quoted_schema,
                                             const std::optional<std::vector<int64_t>>& sync_nos);

}  // namespace syncline::postgres

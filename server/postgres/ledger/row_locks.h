// The one order in which the operations of the ledger lock rows that they share: streams, writers,
// generations, syncs; rows of one kind in the order of their keys. Checkpoints follow the sync.
// With one order no two operations wait for each other.
//
// Data transactions lock only their own writer. Several that are committed together lock theirs in
// the order of their keys; ids of writers are in the order of their bytes. The functions below are
// for operations that lock several rows of a kind, because an UPDATE locks rows in any order. They
// lock with FOR NO KEY UPDATE, so that foreign keys to the rows do not wait. `quoted_schema` is the
// ledger's schema, quoted for SQL. Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// A generation of a table.
struct GenerationKey {
  TableName table;
  int64_t generation_id = 0;
};

// Locks the generations that exist of `generations`, of the streams `stream_nos`, and all those of
// `tables`.
absl::Status LockGenerations(Transaction& transaction, absl::string_view quoted_schema,
                             const std::vector<GenerationKey>& generations,
                             const std::vector<int64_t>& stream_nos,
                             const std::vector<TableName>& tables = {});

absl::Status LockSyncs(Transaction& transaction, absl::string_view quoted_schema,
                       const std::vector<int64_t>& sync_nos);

}  // namespace syncline::postgres

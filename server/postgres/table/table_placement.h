// Reads and changes where Citus keeps the rows of tables (model/table_placement.h).
//
// Stateless: safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_placement.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns the placements of `tables` in their order. A missing table has the placement that a new
// table in its schema gets. Runs no query on a PostgreSQL without Citus.
absl::StatusOr<std::vector<TablePlacement>> LookUpPlacements(Transaction& transaction,
                                                             const std::vector<TableName>& tables);

// Returns whether Citus distributes `table` by the hash of a column. Runs no query on a PostgreSQL
// without Citus. Errors: those of Connection::Query.
absl::StatusOr<bool> IsDistributed(Connection& connection, const TableName& table);

// How a table is distributed.
struct PlacementRequest {
  std::string column = {};         // empty: it stays where it is
  std::string colocate_with = {};  // a table in SQL notation with its schema; empty: Citus chooses
};

// Distributes `table`, which is on the coordinator, as requested, with its rows. Errors:
// FAILED_PRECONDITION TARGET_DISTRIBUTED with Citus' reason.
absl::Status PlaceTable(Transaction& transaction, const TableName& table,
                        const PlacementRequest& request);

// Places `table` as `original` is, with its rows; both exist. Does nothing if it is placed alike.
// Errors: FAILED_PRECONDITION TARGET_DISTRIBUTED if that is not possible.
absl::Status PlaceLike(Transaction& transaction, const TableName& table, const TableName& original);

// Waits until every row of `table` that was acknowledged is visible. A node that crashes between
// the two phases of a commit has rows that the coordinator counts as committed and that are visible
// only after recover_prepared_transactions(); a statement that moves the visible rows, followed by
// a drop, would lose them. A lock on the shards waits for these transactions, and a rename takes
// it; LOCK TABLE does not lock shards. Does nothing if Citus does not place the table. Errors:
// 55P03 if the wait exceeds the lock_timeout of the transaction.
absl::Status SettleRows(Transaction& transaction, const TableName& table);

// Returns the size on disk in bytes of the table's rows on all nodes, which must be placed by
// Citus; 0 in a transaction that has changed rows of several shards, where Citus does not tell it.
absl::StatusOr<int64_t> GetPlacedSize(Transaction& transaction, const TableName& table);

}  // namespace syncline::postgres

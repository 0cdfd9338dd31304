// Upsert and deduplication of tables that Citus distributes by a column of their key
// (sql/placed_merge_sql.h). upsert.h calls them and has the rules; internal to table/.
//
// Readers see the result shard by shard, because Citus has no snapshot of all nodes. Stateless:
// safe from any thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/table_name.h"
#include "server/model/table_placement.h"
#include "server/model/table_schema.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/upsert.h"
#include "server/postgres/table/upsert_options.h"

namespace syncline::postgres {

// Returns the distribution column of `table`, or an empty string if it is not distributed by hash.
absl::StatusOr<std::string> FindDistributionColumn(Transaction& transaction,
                                                   const TableName& table);

// As UpsertTable, for tables that are distributed by `column`. The target is locked for the merge.
// Several stored rows of one key, which an earlier key left, are replaced together if the target
// has columns that the stream does not declare. Errors: FAILED_PRECONDITION TARGET_DISTRIBUTED if
// columns of earlier streams are staged that this one does not declare.
absl::StatusOr<UpsertCounts> UpsertPlaced(Transaction& transaction, const TableName& source,
                                          const TableName& target, const TableSchema& schema,
                                          const std::string& column, const UpsertOptions& options);

// As DedupeTable, for a table that is distributed by `column`. Errors: those of UpsertPlaced.
absl::StatusOr<int64_t> DedupePlaced(Transaction& transaction, const TableName& table,
                                     const TableSchema& schema, const std::string& column,
                                     const UpsertOptions& options);

}  // namespace syncline::postgres

// The statements of the upsert. Pure functions; see upsert.h for what they do together.
//
// A temporary table holds the winners: per key of the source the newest row, as its place (tid),
// key columns (k1 …), cursor (c), extracted_at (e) and whether CDC marks it deleted (d). Winners
// are joined with the target once per pattern of nulls in their keys, because `=` can use a hash or
// an index and IS NOT DISTINCT FROM can not.
#pragma once

#include <string>
#include <vector>

#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/upsert.h"

namespace syncline::postgres {

// For each column of the primary key whether it is null.
using NullPattern = std::vector<bool>;

inline constexpr char kAnalyzeWinnersSql[] = "ANALYZE pg_temp.syncline_winners";
inline constexpr char kDropWinnersSql[] = "DROP TABLE pg_temp.syncline_winners";

std::string CreateWinnersSql(const TableName& source, const TableSchema& schema,
                             CdcDeleteMode mode);
// The patterns among the winners, a row each, a boolean for each column of the key.
std::string NullPatternsSql(const TableSchema& schema);

// Puts a winner that is no deletion into the newest stored row of its key, when it beats that row.
std::string ReplaceSql(const TableName& source, const TableName& target, const TableSchema& schema,
                       const NullPattern& nulls);
// Takes every stored row away that is beaten by the winner of its key.
std::string RemoveBeatenSql(const TableName& target, const TableSchema& schema,
                            const NullPattern& nulls);
// Inserts the winners, deletions aside, whose key the target does not hold.
std::string InsertMissingSql(const TableName& source, const TableName& target,
                             const TableSchema& schema, const NullPattern& nulls);

std::string DedupeSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);

}  // namespace syncline::postgres

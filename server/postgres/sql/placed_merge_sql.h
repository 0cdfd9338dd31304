// The statements of an upsert into a table that Citus distributes. Pure functions.
//
// Citus runs a statement on the shards, without moving rows, if it joins the tables by their
// distribution column and groups by it. Temporary tables are on the coordinator, so that nothing
// can be noted between two statements, as upsert_sql.h does it: each of them finds the winners
// again. They run once per pattern of nulls in the keys (upsert_sql.h).
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {

// A merge whose winners are in the source (Winners::kInSource), and the distribution column of both
// tables, which is part of the key.
struct PlacedMerge {
  Merge merge;
  std::string column;
};

// Returns one row per null pattern of the keys of `table`: a boolean per column of the key.
std::string PlacedPatternsSql(const TableName& table, const TableSchema& schema);

// Deletes the stored rows that are beaten by winners that are not marked as deleted, or, with
// `deletions`, by those that are.
std::string DeletePlacedSql(const PlacedMerge& placed, const NullPattern& nulls, bool deletions);
// Gives the stored rows that are beaten the values of their winners, and keeps their other columns.
std::string UpdatePlacedSql(const PlacedMerge& placed, const NullPattern& nulls);
// Counts the rows that UpdatePlacedSql updates and that differ from their winners in `columns` (at
// least one).
std::string CountPlacedDifferencesSql(const PlacedMerge& placed, const NullPattern& nulls,
                                      const std::vector<std::string>& columns);
// Inserts the winners, without deletions, whose keys have no stored row.
std::string InsertPlacedSql(const PlacedMerge& placed, const NullPattern& nulls);
// As RaiseGenerationsSql (upsert_sql.h): $1 is the generation. Run it after the merge.
std::string RaisePlacedSql(const PlacedMerge& placed, const NullPattern& nulls);

// Deletes the rows of `table` that are not the newest of their key, and those that CDC marks as
// deleted. `column`: the distribution column.
std::string DedupePlacedSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode,
                            absl::string_view column);

}  // namespace syncline::postgres

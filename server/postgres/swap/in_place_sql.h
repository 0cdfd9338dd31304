// The statements of an in-place replace. Pure functions.
//
// The temporary table syncline_difference has one row per row that changes: the stored row (its
// place `stored` in the table or partition `part`), the staged row (`tid`), or both. Stored without
// staged is deleted, staged without stored is inserted, and both is an update.
#pragma once

#include <string>
#include <vector>

#include "server/model/table_name.h"

namespace syncline::postgres {

struct InPlaceTables {
  TableName staging;
  TableName target;
  std::vector<std::string> written;   // columns that both have and an INSERT sets
  std::vector<std::string> updated;   // those of them that an UPDATE may set
  std::vector<std::string> compared;  // those of `updated` that make a row different
  bool retyped = false;               // a column has another type in staging: every row differs
};

// Returns one boolean: whether rows that belong together by `same` differ in `columns`, which have
// the same types in both tables.
std::string HasDifferenceSql(const InPlaceTables& tables, const std::string& same,
                             const std::vector<std::string>& columns);

// Creates syncline_difference. `same` is a predicate, over `t` and `s`, on which a hash join can be
// made; a row that is null there is deleted and inserted.
std::string CreateDifferenceSql(const InPlaceTables& tables, const std::string& same);
inline constexpr char kAnalyzeDifferenceSql[] = "ANALYZE pg_temp.syncline_difference";
// Returns one row: the number of differences, of those with a staged row, and of those with a
// stored one.
inline constexpr char kCountDifferenceSql[] =
    "SELECT pg_catalog.count(*) AS changed, pg_catalog.count(d.tid) AS staged, "
    "pg_catalog.count(d.stored) AS stored FROM pg_temp.syncline_difference d";
inline constexpr char kDropDifferenceSql[] = "DROP TABLE IF EXISTS pg_temp.syncline_difference";
// Adds one row that did not change.
std::string AddUnchangedSql(const InPlaceTables& tables, const std::string& same);

std::string DeleteMissingSql(const InPlaceTables& tables);
std::string UpdateChangedSql(const InPlaceTables& tables);
std::string InsertNewSql(const InPlaceTables& tables);

std::string DeleteAllSql(const TableName& target);
std::string InsertAllSql(const InPlaceTables& tables);

}  // namespace syncline::postgres

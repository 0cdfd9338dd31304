// The statements of the upsert. Pure functions; see upsert.h for what they do together.
//
// The winners are the newest row of each key of the source. Where every key comes once they are the
// source's rows themselves; else a temporary table holds them: place in the source (tid), key
// columns (k1 …), cursor (c), extracted_at (e) and whether CDC marks the row deleted (d). Winners
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

// Where the winners are.
enum class WinnerForm {
  kSource,  // the source itself: no key comes twice
  kTable,   // CreateWinnersSql
};

struct UpsertTables {
  TableName source;
  TableName target;
  WinnerForm winners = WinnerForm::kTable;
};

// $1: memory for each sort and hash. What holds for the statements below until the transaction
// ends.
extern const char kUpsertSettingsSql[];

// The source's keys by their pattern, a row each: a boolean for each column of the key, how many
// keys, how many rows.
std::string SurveySql(const TableName& source, const TableSchema& schema);
// A small sample of the key's columns: enough to plan a join.
std::string SampleKeysSql(const TableName& table, const TableSchema& schema);

std::string CreateWinnersSql(const TableName& source, const TableSchema& schema,
                             CdcDeleteMode mode);
inline constexpr char kAnalyzeWinnersSql[] = "ANALYZE pg_temp.syncline_winners";
inline constexpr char kDropWinnersSql[] = "DROP TABLE pg_temp.syncline_winners";

// Puts a winner that is no deletion into the newest stored row of its key, when it beats that row.
std::string ReplaceSql(const UpsertTables& tables, const TableSchema& schema, CdcDeleteMode mode,
                       const NullPattern& nulls);
// Takes every stored row away that is beaten by the winner of its key. Returns how many rows went,
// and of how many winners.
std::string RemoveBeatenSql(const UpsertTables& tables, const TableSchema& schema,
                            const NullPattern& nulls);
// Inserts the winners, deletions aside, whose key the target does not hold.
std::string InsertMissingSql(const UpsertTables& tables, const TableSchema& schema,
                             CdcDeleteMode mode, const NullPattern& nulls);
// The same where the target holds none of the pattern's keys.
std::string InsertAllSql(const UpsertTables& tables, const TableSchema& schema, CdcDeleteMode mode,
                         const NullPattern& nulls);

// One boolean: whether CDC marks a row of `table` as deleted.
std::string HasDeletedSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);
std::string DedupeSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);

}  // namespace syncline::postgres

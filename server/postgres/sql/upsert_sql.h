// The statements of the upsert. Pure functions; see upsert.h for what they do together.
//
// The winners are the newest row of each key of the source: the source's rows themselves when no
// key comes twice, else a temporary table that tells their place in the source (tid), key columns
// (k1 …), cursor (c), extracted_at (e) and whether CDC marks them deleted (d).
//
// Another temporary table holds the matches: for each stored row of a winner's key the places of
// both (tid, stored) and whether the winner beats it (beaten). It is filled by the one statement
// that reads the target, which also is one that may run in parallel; what changes the target goes
// by place. Winners are joined with the target once per pattern of nulls in their keys, because `=`
// can use a hash or an index and IS NOT DISTINCT FROM can not.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/sql/merge_target.h"

namespace syncline::postgres {

// For each column of the primary key whether it is null.
using NullPattern = std::vector<bool>;

// Where the winners are.
enum class Winners {
  kInSource,
  kInTable,
  kInQuery,  // the same as a table, as part of one query (CountMergeSql)
};

struct Merge {
  TableName source;
  TableName target;
  TableSchema schema;  // the stream's, and the undeclared columns
  CdcDeleteMode mode = CdcDeleteMode::kHard;
  Winners winners = Winners::kInTable;
  MergeTarget traits = {};
  // For kInQuery: the target's rows as SQL writes them after FROM, when its columns are not those
  // of `schema` yet; empty otherwise.
  std::string target_rows = {};
  // Columns of `schema` that the stream does not declare (undeclared_sql.h), in its order.
  std::vector<std::string> undeclared = {};

  // A row that is replaced must be updated, not deleted and inserted.
  bool in_place() const { return traits.in_place() || !undeclared.empty(); }
};

// $1: memory for each sort and hash. Settings for all that follows in the transaction.
extern const char kUpsertSettingsSql[];

// The keys of `table` by their pattern, a row each: a boolean for each column of the key, then how
// many keys and how many rows.
std::string SurveySql(const TableName& table, const TableSchema& schema);
// One boolean: whether CDC marks a row of `table` as deleted.
std::string HasDeletedSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);
// Statistics of the key from a small sample: enough to plan a join.
std::string SampleKeysSql(const TableName& table, const TableSchema& schema);

std::string CreateWinnersSql(const Merge& merge);
inline constexpr char kAnalyzeWinnersSql[] = "ANALYZE pg_temp.syncline_winners";
inline constexpr char kDropWinnersSql[] = "DROP TABLE pg_temp.syncline_winners";
// `patterns` are those of the source's keys, at least one.
std::string CreateMatchesSql(const Merge& merge, const std::vector<NullPattern>& patterns);
inline constexpr char kDropMatchesSql[] = "DROP TABLE pg_temp.syncline_matches";

// One number: how many winners, deletions aside, beat all stored rows of their key and had any.
std::string CountUpdatedSql(const Merge& merge);
// Takes every stored row away that is beaten. Wants kFetchByPlaceSql.
std::string RemoveBeatenSql(const Merge& merge);
// Takes those out of the table of winners that do not beat all stored rows of their key; with
// `in_place` those whose key has any.
std::string DropLosersSql(bool in_place);
// Inserts the winners, deletions aside, that beat all stored rows of their key; with `in_place`
// those whose key had none. With a table of winners those left in it; wants kFetchByPlaceSql then.
std::string InsertWinnersSql(const Merge& merge, bool in_place);

// Rows are fetched by their place, one after the other. The planner would read the whole table, or
// keep whole rows in a hash.
inline constexpr char kFetchByPlaceSql[] = "SET LOCAL enable_hashjoin = off";
inline constexpr char kFetchAnyWaySql[] = "SET LOCAL enable_hashjoin TO DEFAULT";

// One row: how many rows the merge would insert, update and delete. Only reads; takes no lock but
// for reading. `merge.winners` is kInQuery.
std::string CountMergeSql(const Merge& merge, const std::vector<NullPattern>& patterns);

// A subquery: the newest row of each key of `table`, without those that CDC marks as deleted.
std::string NewestRowsSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);

// What the statements here and those in place (merge_in_place_sql.h) share.
std::string WinnersTable(const Merge& merge);
// The place of winner `w`.
std::string WinnerPlace(const Merge& merge);
// SQL: that winner `w` is not marked as deleted.
std::string NotDeleted(const Merge& merge);
// The stream's columns and the meta columns that an INSERT sets.
std::vector<std::string> InsertedColumns(const Merge& merge);
// The column as it is ordered: texts by their bytes.
std::string Ordered(const TableSchema& schema, const std::string& name);
// The columns of the key as they are compared, ", " between them.
std::string KeyOrder(const TableSchema& schema);
// Newest first: a total order of rows that have a ctid.
std::string NewestFirst(const TableSchema& schema);
// Quoted names, each with `prefix` before it, ", " between them.
std::string Prefixed(const std::vector<std::string>& columns, absl::string_view prefix);

std::string DedupeSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);

}  // namespace syncline::postgres

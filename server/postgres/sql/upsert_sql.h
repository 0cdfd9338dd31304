// The statements of the upsert. Pure functions. upsert.h describes how they work together.
//
// The winners are the newest row of each key of the source. If no key occurs twice, they are the
// source's rows themselves. Otherwise a temporary table has their place (ctid) in the source (tid),
// key columns (k1 …), cursor (c), extracted_at (e) and whether CDC marks them as deleted (d).
//
// Another temporary table has the matches: for each stored row of a winner's key, the places of
// both (tid, stored) and whether the winner beats the stored row (beaten). If the target has
// partitions or children, `part` is the one of the stored row. It is filled by the only statement
// that searches the target, which may run in parallel. Statements that change the target find rows
// by place. Winners are joined with the target once per pattern of nulls in their keys, because `=`
// can use a hash or an index and IS NOT DISTINCT FROM cannot.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/model/stream.h"
#include "server/model/table_name.h"
#include "server/model/table_schema.h"
#include "server/postgres/sql/merge_target.h"

namespace syncline::postgres {

// For each column of the primary key, whether it is null.
using NullPattern = std::vector<bool>;

// Where the winners are.
enum class Winners {
  kInSource,  // the source's rows
  kInTable,   // the temporary table
  kInQuery,   // a table expression with the same columns in one query (CountMergeSql)
};

struct Merge {
  TableName source;
  TableName target;
  TableSchema schema;  // the stream's schema and the undeclared columns
  CdcDeleteMode mode = CdcDeleteMode::kHard;
  Winners winners = Winners::kInTable;
  MergeTarget traits = {};
  // For kInQuery: SQL to read the target's rows from if the target does not have the columns of
  // `schema` yet; empty otherwise.
  std::string target_rows = {};
  // For kInQuery: Citus distributes the source, so that rows of several shards have one place. The
  // raw id identifies a winner instead.
  bool placed = false;
  // Columns of `schema` that the stream does not declare (undeclared_sql.h), in the order of
  // `schema`.
  std::vector<std::string> undeclared = {};

  // Returns true if a replaced row must be updated instead of deleted and inserted.
  bool in_place() const { return traits.in_place() || !undeclared.empty(); }
};

// Planner settings for the rest of the transaction. $1: memory per sort and hash.
extern const char kUpsertSettingsSql[];

// Returns one row per null pattern of the keys of `table`: a boolean per column of the key, then
// the number of keys and the number of rows.
std::string SurveySql(const TableName& table, const TableSchema& schema);
// Returns one boolean: whether CDC marks a row of `table` as deleted.
std::string HasDeletedSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);
// Collects statistics of the key from a small sample, which suffice to plan a join.
std::string SampleKeysSql(const TableName& table, const TableSchema& schema);

std::string CreateWinnersSql(const Merge& merge);
inline constexpr char kAnalyzeWinnersSql[] = "ANALYZE pg_temp.syncline_winners";
inline constexpr char kDropWinnersSql[] = "DROP TABLE pg_temp.syncline_winners";
// `patterns` are the patterns of the source's keys, at least one.
std::string CreateMatchesSql(const Merge& merge, const std::vector<NullPattern>& patterns);
inline constexpr char kDropMatchesSql[] = "DROP TABLE pg_temp.syncline_matches";

// Deletes the stored rows that are beaten. Run kFetchByPlaceSql before it.
std::string RemoveBeatenSql(const Merge& merge);
// Which stored rows of the matches remain in the target, so that their winners are not inserted.
enum class Remaining {
  kNone,
  kUnbeaten,
  kAll,  // beaten ones have been updated
};
// Removes the winners of remaining rows from the table of winners.
std::string DropLosersSql(Remaining remaining);
// Inserts the winners, without deletions, that have no remaining row. With a table of winners it
// inserts those that DropLosersSql left; run kFetchByPlaceSql before it then.
std::string InsertWinnersSql(const Merge& merge, Remaining remaining);

// Gives the generation $1 to the stored rows of lower ones whose key, with the null pattern, a row
// of the source has in that generation or a higher one. Keys of which CDC marks the newest such row
// as deleted are excluded. Run it after the merge.
std::string RaiseGenerationsSql(const Merge& merge, const NullPattern& nulls);

// Makes the planner fetch rows one by one by their place. Otherwise it would read the whole table,
// or keep whole rows in a hash. kResetFetchByPlaceSql undoes it.
inline constexpr char kFetchByPlaceSql[] = "SET LOCAL enable_hashjoin = off";
inline constexpr char kResetFetchByPlaceSql[] = "SET LOCAL enable_hashjoin TO DEFAULT";

// Returns one row: the numbers of rows that the merge would insert, update and delete. Only reads
// and takes only locks for reading. `merge.winners` must be kInQuery.
std::string CountMergeSql(const Merge& merge, const std::vector<NullPattern>& patterns);

// Returns a subquery: the newest row of each key of `table`, without rows that CDC marks as
// deleted.
std::string NewestRowsSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);

// The functions that follow are shared with merge_in_place_sql.h and placed_merge_sql.h.

// Returns a predicate: the key of winner `w` has the null pattern.
std::string HasPattern(const Merge& merge, const NullPattern& nulls);
// Returns a predicate: winner `w`, which has the null pattern, and stored row `t` have the same
// key.
std::string SameKey(const Merge& merge, const NullPattern& nulls);
// Returns a predicate: winner `w` beats stored row `t`. It may be NULL.
std::string Beats(const Merge& merge);

// Returns a predicate: stored row `t` is the one to which `alias`, which has StoredColumns, refers.
std::string AtStored(const Merge& merge, absl::string_view alias);
// Returns the columns that identify a stored row, each with `prefix`, separated by ", ": its place,
// and the partition or child of the target that has it (`part`) if there are several.
std::string StoredColumns(const Merge& merge, absl::string_view prefix);
// Returns the table of the winners.
std::string WinnersTable(const Merge& merge);
// Returns SQL for the place of winner `w`.
std::string WinnerPlace(const Merge& merge);
// Returns whether a winner can be marked as deleted by CDC.
bool HasDeletions(const Merge& merge);
// Returns a predicate: winner `w` is not marked as deleted.
std::string NotDeletedSql(const Merge& merge);
// Returns the stream's columns and the meta columns that an INSERT sets.
std::vector<std::string> InsertedColumns(const Merge& merge);
// Returns the column as it is ordered: text by its bytes.
std::string Ordered(const TableSchema& schema, const std::string& name);
// Returns the columns of the key as they are compared, separated by ", ".
std::string KeyOrder(const TableSchema& schema);
// Returns the ORDER BY list for newest first, a total order of rows that have a ctid.
std::string NewestFirst(const TableSchema& schema);
// Returns the quoted names, each with `prefix` before it, separated by ", ".
std::string Prefixed(const std::vector<std::string>& columns, absl::string_view prefix);

// Deletes the rows of `table` that are not the newest of their key, and those that CDC marks as
// deleted.
std::string DedupeSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode);

}  // namespace syncline::postgres

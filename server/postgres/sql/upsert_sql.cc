#include "server/postgres/sql/upsert_sql.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// Deletion predicate of a stream without deletions.
constexpr absl::string_view kNever = "false";

const ColumnSchema* FindColumn(const TableSchema& schema, const std::string& name) {
  for (const ColumnSchema& column : schema.columns) {
    if (column.column_name == name) return &column;
  }
  return nullptr;
}

// Returns a predicate over a row: CDC marks it as deleted. `prefix` precedes its columns.
std::string Deleted(const TableSchema& schema, CdcDeleteMode mode, absl::string_view prefix = "") {
  for (const ColumnSchema& column : schema.columns) {
    if (column.input_name == kCdcDeletedAtField && mode == CdcDeleteMode::kHard) {
      return absl::StrCat(prefix, QuoteIdentifier(column.column_name), " IS NOT NULL");
    }
  }
  return std::string(kNever);
}

bool InSource(const Merge& merge) { return merge.winners == Winners::kInSource; }

// Returns a column of winner `w`: `in_source` if the winners are the source's rows, otherwise
// `in_table`.
std::string WinnerColumn(const Merge& merge, const std::string& in_source,
                         absl::string_view in_table) {
  return absl::StrCat("w.", InSource(merge) ? absl::string_view(in_source) : in_table);
}

std::string WinnerKey(const Merge& merge, size_t index) {
  return WinnerColumn(merge, QuoteIdentifier(merge.schema.primary_key[index]),
                      absl::StrCat("k", index + 1));
}

// Returns " COLLATE …" if the column must not be compared in its own collation, otherwise "".
std::string Collated(const Merge& merge, const std::string& column) {
  const auto found = merge.traits.collations.find(column);
  return found == merge.traits.collations.end() ? "" : absl::StrCat(" COLLATE ", found->second);
}

// Returns the condition under which the stored row of match `m` remains, after another condition.
absl::string_view Remains(Remaining remaining) {
  return remaining == Remaining::kAll ? "" : " AND NOT m.beaten";
}

// Returns a query for the newest row of each key of the source, of the rows that satisfy `filter`,
// an SQL clause, if there is one.
std::string SelectWinners(const Merge& merge, absl::string_view filter = "") {
  const TableSchema& schema = merge.schema;
  std::string keys;
  for (size_t i = 0; i < schema.primary_key.size(); ++i) {
    absl::StrAppend(&keys, QuoteIdentifier(schema.primary_key[i]), " AS k", i + 1, ", ");
  }
  const std::string cursor =
      schema.cursor.has_value() ? absl::StrCat(QuoteIdentifier(*schema.cursor), " AS c, ") : "";
  const std::string place = merge.placed ? QuoteIdentifier(kRawIdColumn) : "ctid";
  return absl::StrCat("SELECT DISTINCT ON (", KeyOrder(schema), ") ", place, " AS tid, ", keys,
                      cursor, QuoteIdentifier(kExtractedAtColumn), " AS e, ",
                      Deleted(schema, merge.mode), " AS d FROM ", QuoteTable(merge.source), filter,
                      " ORDER BY ", KeyOrder(schema), ", ", NewestFirst(schema));
}

// Returns a UNION ALL of one SELECT per pattern: the stored rows `t` of the key of each winner `w`.
std::string SelectMatches(const Merge& merge, absl::string_view columns,
                          const std::vector<NullPattern>& patterns) {
  std::vector<std::string> arms;
  const std::string target =
      merge.target_rows.empty() ? QuoteTable(merge.target) : merge.target_rows;
  arms.reserve(patterns.size());
  for (const NullPattern& nulls : patterns) {
    arms.push_back(absl::StrCat("SELECT ", columns, ", coalesce(", Beats(merge),
                                ", false) AS beaten FROM ", WinnersTable(merge), " w JOIN ", target,
                                " t ON ", SameKey(merge, nulls), " WHERE ",
                                HasPattern(merge, nulls)));
  }
  return absl::StrJoin(arms, " UNION ALL ");
}

}  // namespace

std::string HasPattern(const Merge& merge, const NullPattern& nulls) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < nulls.size(); ++i) {
    terms.push_back(absl::StrCat(WinnerKey(merge, i), nulls[i] ? " IS NULL" : " IS NOT NULL"));
  }
  return absl::StrJoin(terms, " AND ");
}

std::string SameKey(const Merge& merge, const NullPattern& nulls) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < nulls.size(); ++i) {
    const std::string& column = merge.schema.primary_key[i];
    const std::string stored = absl::StrCat("t.", QuoteIdentifier(column));
    terms.push_back(
        nulls[i] ? absl::StrCat(stored, " IS NULL")
                 : absl::StrCat(stored, " = ", WinnerKey(merge, i), Collated(merge, column)));
  }
  return absl::StrJoin(terms, " AND ");
}

std::string Beats(const Merge& merge) {
  const std::string extracted_at = QuoteIdentifier(kExtractedAtColumn);
  const std::string later =
      absl::StrCat(WinnerColumn(merge, extracted_at, "e"), " > t.", extracted_at);
  if (!merge.schema.cursor.has_value()) return later;
  const std::string ordered = absl::StrCat("t.", Ordered(merge.schema, *merge.schema.cursor));
  const std::string cursor = QuoteIdentifier(*merge.schema.cursor);
  const std::string winner = WinnerColumn(merge, cursor, "c");
  return absl::StrCat("(", winner, " > ", ordered, " OR (", winner, " IS NOT NULL AND t.", cursor,
                      " IS NULL) OR (", winner, " IS NOT DISTINCT FROM ", ordered, " AND ", later,
                      "))");
}

// Byte order is faster than a locale's order and does not depend on the locale.
std::string Ordered(const TableSchema& schema, const std::string& name) {
  const ColumnSchema* const column = FindColumn(schema, name);
  const bool is_text = column != nullptr && column->type == ColumnType::kVarchar &&
                       (column->table_type.empty() || column->table_type == "text" ||
                        absl::StartsWith(column->table_type, "character"));
  return absl::StrCat(QuoteIdentifier(name), is_text ? " COLLATE \"C\"" : "");
}

std::string KeyOrder(const TableSchema& schema) {
  return absl::StrJoin(schema.primary_key, ", ", [&](std::string* out, const std::string& name) {
    out->append(Ordered(schema, name));
  });
}

std::string NewestFirst(const TableSchema& schema) {
  std::string order;
  if (schema.cursor.has_value()) {
    absl::StrAppend(&order, Ordered(schema, *schema.cursor), " DESC NULLS LAST, ");
  }
  absl::StrAppend(&order, QuoteIdentifier(kExtractedAtColumn), " DESC, ",
                  QuoteIdentifier(kRawIdColumn), " COLLATE \"C\" DESC, ctid DESC");
  return order;
}

std::string AtStored(const Merge& merge, absl::string_view alias) {
  const std::string part =
      merge.traits.divided ? absl::StrCat(" AND t.tableoid = ", alias, ".part") : "";
  return absl::StrCat("t.ctid = ", alias, ".stored", part);
}

std::string StoredColumns(const Merge& merge, absl::string_view prefix) {
  const std::string part = merge.traits.divided ? absl::StrCat(", ", prefix, "part") : "";
  return absl::StrCat(prefix, "stored", part);
}

std::string WinnersTable(const Merge& merge) {
  switch (merge.winners) {
    case Winners::kInSource:
      return QuoteTable(merge.source);
    case Winners::kInTable:
      return "pg_temp.syncline_winners";
    case Winners::kInQuery:
      return "winners";
  }
  return "";
}

std::string WinnerPlace(const Merge& merge) { return WinnerColumn(merge, "ctid", "tid"); }

bool HasDeletions(const Merge& merge) { return Deleted(merge.schema, merge.mode) != kNever; }

std::string NotDeletedSql(const Merge& merge) {
  return InSource(merge) ? absl::StrCat("NOT (", Deleted(merge.schema, merge.mode, "w."), ")")
                         : "NOT w.d";
}

std::vector<std::string> InsertedColumns(const Merge& merge) {
  std::vector<std::string> columns;
  for (const std::string& column : AllColumns(merge.schema)) {
    if (merge.traits.generated.count(column) == 0) columns.push_back(column);
  }
  return columns;
}

std::string Prefixed(const std::vector<std::string>& columns, absl::string_view prefix) {
  return absl::StrJoin(columns, ", ", [&](std::string* out, const std::string& name) {
    absl::StrAppend(out, prefix, QuoteIdentifier(name));
  });
}

// random_page_cost: the default is meant for spinning disks and makes the planner read the whole
// target for keys that an index finds faster. enable_mergejoin: a merge join would sort whole rows,
// or read all of the target in index order. jit: compilation costs more than these expressions.
// default_statistics_target: samples of 3,000 rows suffice.
const char kUpsertSettingsSql[] =
    "SELECT set_config(name, value, true) FROM (VALUES"
    " ('work_mem', $1, pg_size_bytes(current_setting('work_mem')) < pg_size_bytes($1)),"
    " ('random_page_cost', '1.1', current_setting('random_page_cost')::float8 > 1.1),"
    " ('enable_mergejoin', 'off', true), ('jit', 'off', true),"
    " ('default_statistics_target', '10',"
    " current_setting('default_statistics_target')::integer > 10)"
    ") s (name, value, wanted) WHERE wanted";

std::string SurveySql(const TableName& table, const TableSchema& schema) {
  // Counting distinct values sorts them, in a quarter of the time of GROUP BY.
  if (schema.primary_key.size() == 1) {
    const std::string key = Ordered(schema, schema.primary_key[0]);
    return absl::StrCat(
        "SELECT p.* FROM (SELECT count(*) AS n, count(", key, ") AS known, count(DISTINCT ", key,
        ") AS keys FROM ", QuoteTable(table),
        ") c, LATERAL (VALUES (false, keys, known), (true, 1, n - known)) p (nulls, keys, n) "
        "WHERE p.n > 0");
  }
  std::vector<std::string> keys;
  std::vector<std::string> places;
  std::vector<std::string> nulls;
  for (size_t i = 1; i <= schema.primary_key.size(); ++i) {
    keys.push_back(absl::StrCat(Ordered(schema, schema.primary_key[i - 1]), " AS k", i));
    places.push_back(absl::StrCat(i));
    nulls.push_back(absl::StrCat("k", i, " IS NULL"));
  }
  const std::string group = absl::StrJoin(places, ", ");
  return absl::StrCat("SELECT ", absl::StrJoin(nulls, ", "), ", count(*), sum(n) FROM (SELECT ",
                      absl::StrJoin(keys, ", "), ", count(*) AS n FROM ", QuoteTable(table),
                      " GROUP BY ", group, ") g GROUP BY ", group);
}

std::string HasDeletedSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode) {
  return absl::StrCat("SELECT EXISTS (SELECT 1 FROM ", QuoteTable(table), " WHERE ",
                      Deleted(schema, mode), ")");
}

std::string SampleKeysSql(const TableName& table, const TableSchema& schema) {
  return absl::StrCat("ANALYZE ", QuoteTable(table), " (", QuoteColumns(schema.primary_key), ")");
}

std::string CreateWinnersSql(const Merge& merge) {
  // Ordered by place, so that the rows are fetched in the order in which they are on disk.
  return absl::StrCat("CREATE TEMPORARY TABLE syncline_winners ON COMMIT DROP AS SELECT * FROM (",
                      SelectWinners(merge), ") w ORDER BY tid");
}

std::string CreateMatchesSql(const Merge& merge, const std::vector<NullPattern>& patterns) {
  const bool divided = merge.traits.divided;
  const std::string columns = absl::StrCat(WinnerPlace(merge), " AS tid, t.ctid AS stored",
                                           divided ? ", t.tableoid AS part" : "");
  // Ordered by stored row, so that each page of the target is changed once.
  return absl::StrCat("CREATE TEMPORARY TABLE syncline_matches ON COMMIT DROP AS ",
                      SelectMatches(merge, columns, patterns), " ORDER BY ",
                      divided ? "part, " : "", "stored");
}

std::string CountMergeSql(const Merge& merge, const std::vector<NullPattern>& patterns) {
  return absl::StrCat(
      "WITH winners AS MATERIALIZED (", SelectWinners(merge), "), matches AS (",
      SelectMatches(merge, "w.tid, w.d", patterns),
      "), met AS (SELECT tid, bool_or(d) AS d, bool_and(beaten) AS wins, count(*) FILTER (WHERE "
      "beaten) AS beaten FROM matches GROUP BY tid) SELECT (SELECT count(*) FROM winners WHERE NOT "
      "d) - (SELECT count(*) FROM met WHERE NOT d) AS inserted, "
      "count(*) FILTER (WHERE wins AND NOT d) AS updated, "
      "coalesce(sum(beaten), 0) - count(*) FILTER (WHERE wins AND NOT d) AS deleted FROM met");
}

std::string NewestRowsSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode) {
  return absl::StrCat("(SELECT * FROM (SELECT DISTINCT ON (", KeyOrder(schema), ") * FROM ",
                      QuoteTable(table), " ORDER BY ", KeyOrder(schema), ", ", NewestFirst(schema),
                      ") newest WHERE NOT (", Deleted(schema, mode), "))");
}

std::string RemoveBeatenSql(const Merge& merge) {
  return absl::StrCat("DELETE FROM ", QuoteTable(merge.target),
                      " t USING pg_temp.syncline_matches m WHERE ", AtStored(merge, "m"),
                      " AND m.beaten");
}

std::string DropLosersSql(Remaining remaining) {
  return absl::StrCat(
      "DELETE FROM pg_temp.syncline_winners w USING pg_temp.syncline_matches m WHERE m.tid = w.tid",
      Remains(remaining));
}

std::string InsertWinnersSql(const Merge& merge, Remaining remaining) {
  const std::vector<std::string> columns = InsertedColumns(merge);
  const std::string head =
      absl::StrCat("INSERT INTO ", QuoteTable(merge.target), " (", Prefixed(columns, ""), ") ",
                   merge.traits.identity.empty() ? "" : "OVERRIDING SYSTEM VALUE ", "SELECT ",
                   Prefixed(columns, "s."), " FROM ");
  const std::string source = QuoteTable(merge.source);
  if (merge.winners == Winners::kInTable) {
    return absl::StrCat(head, "pg_temp.syncline_winners w JOIN ", source,
                        " s ON s.ctid = w.tid WHERE NOT w.d");
  }
  const std::string wanted =
      absl::StrCat(head, source, " s WHERE NOT (", Deleted(merge.schema, merge.mode), ")");
  if (remaining == Remaining::kNone) return wanted;
  return absl::StrCat(
      wanted, " AND NOT EXISTS (SELECT 1 FROM pg_temp.syncline_matches m WHERE m.tid = s.ctid",
      Remains(remaining), ")");
}

// The matches of the merge do not suffice: the newest row of a key may be one of an older
// generation that was still staged.
std::string RaiseGenerationsSql(const Merge& merge, const NullPattern& nulls) {
  Merge sent = merge;
  sent.winners = Winners::kInQuery;
  const std::string generation = QuoteIdentifier(kGenerationIdColumn);
  return absl::StrCat(
      "WITH winners AS (", SelectWinners(sent, absl::StrCat(" WHERE ", generation, " >= $1")),
      ") UPDATE ", QuoteTable(merge.target), " t SET ", generation, " = $1 FROM winners w WHERE ",
      SameKey(sent, nulls), " AND ", HasPattern(sent, nulls), " AND ", NotDeletedSql(sent),
      " AND t.", generation, " < $1");
}

std::string DedupeSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode) {
  return absl::StrCat("DELETE FROM ", QuoteTable(table),
                      " t USING (SELECT ctid AS tid, row_number() OVER (PARTITION BY ",
                      KeyOrder(schema), " ORDER BY ", NewestFirst(schema), ") AS place, ",
                      Deleted(schema, mode), " AS d FROM ", QuoteTable(table),
                      ") r WHERE t.ctid = r.tid AND (r.place > 1 OR r.d)");
}

}  // namespace syncline::postgres

#include "server/postgres/upsert_sql.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/postgres/sql_generator.h"

namespace syncline::postgres {
namespace {

const ColumnSchema* FindColumn(const TableSchema& schema, const std::string& name) {
  for (const ColumnSchema& column : schema.columns) {
    if (column.column_name == name) return &column;
  }
  return nullptr;
}

// Texts in byte order: faster than a locale's, and the same everywhere.
std::string Ordered(const TableSchema& schema, const std::string& name) {
  const ColumnSchema* const column = FindColumn(schema, name);
  const bool is_text = column != nullptr && column->type == ColumnType::kVarchar;
  return absl::StrCat(QuoteIdentifier(name), is_text ? " COLLATE \"C\"" : "");
}

// The columns of the key as they are compared, ", " between them.
std::string KeyOrder(const TableSchema& schema) {
  return absl::StrJoin(schema.primary_key, ", ", [&](std::string* out, const std::string& name) {
    out->append(Ordered(schema, name));
  });
}

// Newest first: a total order.
std::string NewestFirst(const TableSchema& schema) {
  std::string order;
  if (schema.cursor.has_value()) {
    absl::StrAppend(&order, Ordered(schema, *schema.cursor), " DESC NULLS LAST, ");
  }
  absl::StrAppend(&order, QuoteIdentifier(kExtractedAtColumn), " DESC, ",
                  QuoteIdentifier(kRawIdColumn), " COLLATE \"C\" DESC, ctid DESC");
  return order;
}

// SQL over a row: whether CDC marks it deleted. `prefix` goes before its columns.
std::string Deleted(const TableSchema& schema, CdcDeleteMode mode, absl::string_view prefix = "") {
  for (const ColumnSchema& column : schema.columns) {
    if (column.input_name == kCdcDeletedAtField && mode == CdcDeleteMode::kHard) {
      return absl::StrCat(prefix, QuoteIdentifier(column.column_name), " IS NOT NULL");
    }
  }
  return "false";
}

bool InSource(const Merge& merge) { return merge.winners == Winners::kInSource; }

// Of winner `w` in `table` a column of the source, or of the table of winners.
std::string OfWinner(const Merge& merge, const std::string& in_source, absl::string_view in_table) {
  return absl::StrCat("w.", InSource(merge) ? absl::string_view(in_source) : in_table);
}

std::string WinnerPlace(const Merge& merge) { return OfWinner(merge, "ctid", "tid"); }

std::string WinnerKey(const Merge& merge, size_t index) {
  return OfWinner(merge, QuoteIdentifier(merge.schema.primary_key[index]),
                  absl::StrCat("k", index + 1));
}

std::string WinnersTable(const Merge& merge) {
  return InSource(merge) ? QuoteTable(merge.source) : "pg_temp.syncline_winners";
}

// That winner `w` is not marked as deleted.
std::string NotDeleted(const Merge& merge) {
  return InSource(merge) ? absl::StrCat("NOT (", Deleted(merge.schema, merge.mode, "w."), ")")
                         : "NOT w.d";
}

// That winner `w` has the pattern.
std::string HasPattern(const Merge& merge, const NullPattern& nulls) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < nulls.size(); ++i) {
    terms.push_back(absl::StrCat(WinnerKey(merge, i), nulls[i] ? " IS NULL" : " IS NOT NULL"));
  }
  return absl::StrJoin(terms, " AND ");
}

// That winner `w`, which has the pattern, and stored row `t` are of one key.
std::string SameKey(const Merge& merge, const NullPattern& nulls) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < nulls.size(); ++i) {
    const std::string stored = absl::StrCat("t.", QuoteIdentifier(merge.schema.primary_key[i]));
    terms.push_back(nulls[i] ? absl::StrCat(stored, " IS NULL")
                             : absl::StrCat(stored, " = ", WinnerKey(merge, i)));
  }
  return absl::StrJoin(terms, " AND ");
}

// That winner `w` beats stored row `t`.
std::string Beats(const Merge& merge) {
  const std::string extracted_at = QuoteIdentifier(kExtractedAtColumn);
  const std::string later = absl::StrCat(OfWinner(merge, extracted_at, "e"), " > t.", extracted_at);
  if (!merge.schema.cursor.has_value()) return later;
  const std::string ordered = absl::StrCat("t.", Ordered(merge.schema, *merge.schema.cursor));
  const std::string cursor = QuoteIdentifier(*merge.schema.cursor);
  const std::string stored = absl::StrCat("t.", cursor);
  const std::string winner = OfWinner(merge, cursor, "c");
  return absl::StrCat("(", winner, " > ", ordered, " OR (", winner, " IS NOT NULL AND ", stored,
                      " IS NULL) OR (", winner, " IS NOT DISTINCT FROM ", stored, " AND ", later,
                      "))");
}

// That match `m` keeps its winner from being inserted.
absl::string_view Blocks(bool in_place) { return in_place ? "" : " AND NOT m.beaten"; }

std::string PrefixedColumns(const TableSchema& schema, absl::string_view prefix) {
  return absl::StrJoin(AllColumns(schema), ", ", [&](std::string* out, const std::string& name) {
    absl::StrAppend(out, prefix, QuoteIdentifier(name));
  });
}

}  // namespace

// random_page_cost: the planner's default, made for disks that seek, has the whole target read for
// keys that an index finds sooner. enable_mergejoin: it would sort whole rows, or walk through all
// of the target in the order of an index. jit: compiling costs more than these expressions.
// default_statistics_target: samples of 3,000 rows.
const char kUpsertSettingsSql[] =
    "SELECT set_config(name, value, true) FROM (VALUES"
    " ('work_mem', $1, pg_size_bytes(current_setting('work_mem')) < pg_size_bytes($1)),"
    " ('random_page_cost', '1.1', current_setting('random_page_cost')::float8 > 1.1),"
    " ('enable_mergejoin', 'off', true), ('jit', 'off', true),"
    " ('default_statistics_target', '10',"
    " current_setting('default_statistics_target')::integer > 10)"
    ") s (name, value, wanted) WHERE wanted";

std::string SurveySql(const TableName& table, const TableSchema& schema) {
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
  const TableSchema& schema = merge.schema;
  std::string keys;
  for (size_t i = 0; i < schema.primary_key.size(); ++i) {
    absl::StrAppend(&keys, QuoteIdentifier(schema.primary_key[i]), " AS k", i + 1, ", ");
  }
  const std::string cursor =
      schema.cursor.has_value() ? absl::StrCat(QuoteIdentifier(*schema.cursor), " AS c, ") : "";
  // In the order of their places, so that the rows are fetched as they lie on disk.
  return absl::StrCat(
      "CREATE TEMPORARY TABLE syncline_winners ON COMMIT DROP AS SELECT * FROM (SELECT DISTINCT ON "
      "(",
      KeyOrder(schema), ") ctid AS tid, ", keys, cursor, QuoteIdentifier(kExtractedAtColumn),
      " AS e, ", Deleted(schema, merge.mode), " AS d FROM ", QuoteTable(merge.source), " ORDER BY ",
      KeyOrder(schema), ", ", NewestFirst(schema), ") w ORDER BY tid");
}

std::string CreateMatchesSql(const Merge& merge, const std::vector<NullPattern>& patterns) {
  const std::string selected =
      absl::StrCat("SELECT ", WinnerPlace(merge), " AS tid, t.ctid AS stored, coalesce(",
                   Beats(merge), ", false) AS beaten FROM ", WinnersTable(merge), " w JOIN ",
                   QuoteTable(merge.target), " t ON ");
  std::vector<std::string> arms;
  for (const NullPattern& nulls : patterns) {
    arms.push_back(
        absl::StrCat(selected, SameKey(merge, nulls), " WHERE ", HasPattern(merge, nulls)));
  }
  // In the order of the stored rows: each page of the target is changed once.
  return absl::StrCat("CREATE TEMPORARY TABLE syncline_matches ON COMMIT DROP AS ",
                      absl::StrJoin(arms, " UNION ALL "), " ORDER BY stored");
}

std::string ReplaceSql(const Merge& merge) {
  const std::string target = QuoteTable(merge.target);
  std::string cursor_order;
  if (merge.schema.cursor.has_value()) {
    cursor_order =
        absl::StrCat("t.", Ordered(merge.schema, *merge.schema.cursor), " DESC NULLS LAST, ");
  }
  const std::string newest_stored = absl::StrCat(
      "SELECT DISTINCT ON (m.tid) m.tid, m.stored, m.beaten FROM pg_temp.syncline_matches m JOIN ",
      WinnersTable(merge), " w ON ", WinnerPlace(merge), " = m.tid JOIN ", target,
      " t ON t.ctid = m.stored WHERE ", NotDeleted(merge), " ORDER BY m.tid, ", cursor_order, "t.",
      QuoteIdentifier(kExtractedAtColumn), " DESC, t.ctid DESC");
  return absl::StrCat("UPDATE ", target, " t SET (", PrefixedColumns(merge.schema, ""), ") = ROW(",
                      PrefixedColumns(merge.schema, "s."), ") FROM (", newest_stored, ") n JOIN ",
                      QuoteTable(merge.source),
                      " s ON s.ctid = n.tid WHERE t.ctid = n.stored AND n.beaten");
}

std::string RemoveBeatenSql(const Merge& merge) {
  return absl::StrCat("DELETE FROM ", QuoteTable(merge.target),
                      " t USING pg_temp.syncline_matches m WHERE t.ctid = m.stored AND m.beaten");
}

std::string DropLosersSql(bool in_place) {
  return absl::StrCat(
      "DELETE FROM pg_temp.syncline_winners w USING pg_temp.syncline_matches m WHERE m.tid = w.tid",
      Blocks(in_place));
}

std::string InsertWinnersSql(const Merge& merge, bool in_place) {
  const std::string head = absl::StrCat("INSERT INTO ", QuoteTable(merge.target), " (",
                                        PrefixedColumns(merge.schema, ""), ") SELECT ",
                                        PrefixedColumns(merge.schema, "s."), " FROM ");
  const std::string source = QuoteTable(merge.source);
  if (merge.winners == Winners::kInTable) {
    return absl::StrCat(head, "pg_temp.syncline_winners w JOIN ", source,
                        " s ON s.ctid = w.tid WHERE NOT w.d");
  }
  return absl::StrCat(head, source, " s WHERE NOT (", Deleted(merge.schema, merge.mode),
                      ") AND NOT EXISTS (SELECT 1 FROM pg_temp.syncline_matches m WHERE m.tid = "
                      "s.ctid",
                      Blocks(in_place), ")");
}

std::string DedupeSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode) {
  return absl::StrCat("DELETE FROM ", QuoteTable(table),
                      " t USING (SELECT ctid AS tid, row_number() OVER (PARTITION BY ",
                      KeyOrder(schema), " ORDER BY ", NewestFirst(schema), ") AS place, ",
                      Deleted(schema, mode), " AS d FROM ", QuoteTable(table),
                      ") r WHERE t.ctid = r.tid AND (r.place > 1 OR r.d)");
}

}  // namespace syncline::postgres

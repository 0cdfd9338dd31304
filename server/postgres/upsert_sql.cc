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

// SQL over a row: whether CDC marks it deleted.
std::string Deleted(const TableSchema& schema, CdcDeleteMode mode) {
  for (const ColumnSchema& column : schema.columns) {
    if (column.input_name == kCdcDeletedAtField && mode == CdcDeleteMode::kHard) {
      return absl::StrCat(QuoteIdentifier(column.column_name), " IS NOT NULL");
    }
  }
  return "false";
}

std::string WinnerKey(size_t index) { return absl::StrCat("w.k", index + 1); }

std::string StoredKey(const TableSchema& schema, size_t index) {
  return absl::StrCat("t.", QuoteIdentifier(schema.primary_key[index]));
}

// That winner `w` has the pattern.
std::string HasPattern(const NullPattern& nulls) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < nulls.size(); ++i) {
    terms.push_back(absl::StrCat(WinnerKey(i), nulls[i] ? " IS NULL" : " IS NOT NULL"));
  }
  return absl::StrJoin(terms, " AND ");
}

// That winner `w`, which has the pattern, and stored row `t` are of one key.
std::string SameKey(const TableSchema& schema, const NullPattern& nulls) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < nulls.size(); ++i) {
    const std::string stored = StoredKey(schema, i);
    terms.push_back(nulls[i] ? absl::StrCat(stored, " IS NULL")
                             : absl::StrCat(stored, " = ", WinnerKey(i)));
  }
  return absl::StrJoin(terms, " AND ");
}

// That winner `w` beats stored row `t`.
std::string Beats(const TableSchema& schema) {
  const std::string later = absl::StrCat("w.e > t.", QuoteIdentifier(kExtractedAtColumn));
  if (!schema.cursor.has_value()) return later;
  const std::string stored = absl::StrCat("t.", Ordered(schema, *schema.cursor));
  const std::string bare = absl::StrCat("t.", QuoteIdentifier(*schema.cursor));
  return absl::StrCat("(w.c > ", stored, " OR (w.c IS NOT NULL AND ", bare,
                      " IS NULL) OR (w.c IS NOT DISTINCT FROM ", bare, " AND ", later, "))");
}

std::string PrefixedColumns(const TableSchema& schema, absl::string_view prefix) {
  return absl::StrJoin(AllColumns(schema), ", ", [&](std::string* out, const std::string& name) {
    absl::StrAppend(out, prefix, QuoteIdentifier(name));
  });
}

}  // namespace

std::string CreateWinnersSql(const TableName& source, const TableSchema& schema,
                             CdcDeleteMode mode) {
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
      " AS e, ", Deleted(schema, mode), " AS d FROM ", QuoteTable(source), " ORDER BY ",
      KeyOrder(schema), ", ", NewestFirst(schema), ") w ORDER BY tid");
}

std::string NullPatternsSql(const TableSchema& schema) {
  std::vector<std::string> terms;
  for (size_t i = 0; i < schema.primary_key.size(); ++i) {
    terms.push_back(absl::StrCat(WinnerKey(i), " IS NULL"));
  }
  return absl::StrCat("SELECT DISTINCT ", absl::StrJoin(terms, ", "),
                      " FROM pg_temp.syncline_winners w");
}

std::string ReplaceSql(const TableName& source, const TableName& target, const TableSchema& schema,
                       const NullPattern& nulls) {
  std::string cursor_order;
  if (schema.cursor.has_value()) {
    cursor_order = absl::StrCat("t.", Ordered(schema, *schema.cursor), " DESC NULLS LAST, ");
  }
  const std::string newest_stored = absl::StrCat(
      "SELECT DISTINCT ON (w.tid) w.tid AS winner, t.ctid AS stored, ", Beats(schema),
      " AS beaten FROM pg_temp.syncline_winners w JOIN ", QuoteTable(target), " t ON ",
      SameKey(schema, nulls), " WHERE ", HasPattern(nulls), " AND NOT w.d ORDER BY w.tid, ",
      cursor_order, "t.", QuoteIdentifier(kExtractedAtColumn), " DESC, t.ctid DESC");
  return absl::StrCat("UPDATE ", QuoteTable(target), " t SET (", PrefixedColumns(schema, ""),
                      ") = ROW(", PrefixedColumns(schema, "s."), ") FROM (", newest_stored,
                      ") m JOIN ", QuoteTable(source),
                      " s ON s.ctid = m.winner WHERE t.ctid = m.stored AND m.beaten");
}

std::string RemoveBeatenSql(const TableName& target, const TableSchema& schema,
                            const NullPattern& nulls) {
  return absl::StrCat("DELETE FROM ", QuoteTable(target),
                      " t USING pg_temp.syncline_winners w WHERE ", HasPattern(nulls), " AND ",
                      SameKey(schema, nulls), " AND ", Beats(schema));
}

std::string InsertMissingSql(const TableName& source, const TableName& target,
                             const TableSchema& schema, const NullPattern& nulls) {
  return absl::StrCat("INSERT INTO ", QuoteTable(target), " (", PrefixedColumns(schema, ""),
                      ") SELECT ", PrefixedColumns(schema, "s."),
                      " FROM pg_temp.syncline_winners w JOIN ", QuoteTable(source),
                      " s ON s.ctid = w.tid WHERE ", HasPattern(nulls),
                      " AND NOT w.d AND NOT EXISTS (SELECT 1 FROM ", QuoteTable(target),
                      " t WHERE ", SameKey(schema, nulls), ")");
}

std::string DedupeSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode) {
  return absl::StrCat("DELETE FROM ", QuoteTable(table),
                      " t USING (SELECT ctid AS tid, row_number() OVER (PARTITION BY ",
                      KeyOrder(schema), " ORDER BY ", NewestFirst(schema), ") AS place, ",
                      Deleted(schema, mode), " AS d FROM ", QuoteTable(table),
                      ") r WHERE t.ctid = r.tid AND (r.place > 1 OR r.d)");
}

}  // namespace syncline::postgres

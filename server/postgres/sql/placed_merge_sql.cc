#include "server/postgres/sql/placed_merge_sql.h"

#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/postgres/sql/sql_generator.h"

namespace syncline::postgres {
namespace {

// Returns the columns of the key as they are compared. Citus recognizes the distribution column
// only without a collation; its own is deterministic, so that its values are equal if their bytes
// are.
std::string PlacedKeyOrder(const TableSchema& schema, absl::string_view column) {
  return absl::StrJoin(schema.primary_key, ", ", [&](std::string* out, const std::string& name) {
    out->append(name == column ? QuoteIdentifier(name) : Ordered(schema, name));
  });
}

// Returns the winners among the rows that satisfy `filter`, an SQL clause, if there is one, as a
// table expression `w`, which has the source's columns.
std::string PlacedWinners(const PlacedMerge& placed, absl::string_view filter = "") {
  const TableSchema& schema = placed.merge.schema;
  const std::string key = PlacedKeyOrder(schema, placed.column);
  return absl::StrCat("(SELECT DISTINCT ON (", key, ") * FROM ", QuoteTable(placed.merge.source),
                      filter, " ORDER BY ", key, ", ", NewestFirst(schema), ") w");
}

// Returns a predicate: winner `w`, which has the null pattern, beats stored row `t` of its key.
std::string BeatsStored(const PlacedMerge& placed, const NullPattern& nulls) {
  return absl::StrCat(HasPattern(placed.merge, nulls), " AND ", SameKey(placed.merge, nulls),
                      " AND ", Beats(placed.merge));
}

}  // namespace

std::string PlacedPatternsSql(const TableName& table, const TableSchema& schema) {
  std::vector<std::string> nulls;
  std::vector<std::string> places;
  for (const std::string& name : schema.primary_key) {
    nulls.push_back(absl::StrCat(QuoteIdentifier(name), " IS NULL"));
    places.push_back(absl::StrCat(nulls.size()));
  }
  return absl::StrCat("SELECT ", absl::StrJoin(nulls, ", "), ", count(*) FROM ", QuoteTable(table),
                      " GROUP BY ", absl::StrJoin(places, ", "));
}

std::string DeletePlacedSql(const PlacedMerge& placed, const NullPattern& nulls, bool deletions) {
  return absl::StrCat("DELETE FROM ", QuoteTable(placed.merge.target), " t USING ",
                      PlacedWinners(placed), " WHERE ", BeatsStored(placed, nulls), " AND ",
                      deletions ? "NOT (" : "(", NotDeletedSql(placed.merge), ")");
}

std::string UpdatePlacedSql(const PlacedMerge& placed, const NullPattern& nulls) {
  std::vector<std::string> values;
  for (const std::string& name : InsertedColumns(placed.merge)) {
    if (name == placed.column || placed.merge.traits.identity.count(name) > 0) continue;
    values.push_back(absl::StrCat(QuoteIdentifier(name), " = w.", QuoteIdentifier(name)));
  }
  return absl::StrCat("UPDATE ", QuoteTable(placed.merge.target), " t SET ",
                      absl::StrJoin(values, ", "), " FROM ", PlacedWinners(placed), " WHERE ",
                      BeatsStored(placed, nulls), " AND ", NotDeletedSql(placed.merge));
}

std::string CountPlacedDifferencesSql(const PlacedMerge& placed, const NullPattern& nulls,
                                      const std::vector<std::string>& columns) {
  const auto differs = [](std::string* out, const std::string& name) {
    const std::string column = QuoteIdentifier(name);
    absl::StrAppend(out, "t.", column, " IS DISTINCT FROM w.", column);
  };
  return absl::StrCat("SELECT count(*) FROM ", QuoteTable(placed.merge.target), " t, ",
                      PlacedWinners(placed), " WHERE ", BeatsStored(placed, nulls), " AND ",
                      NotDeletedSql(placed.merge), " AND (",
                      absl::StrJoin(columns, " OR ", differs), ")");
}

std::string InsertPlacedSql(const PlacedMerge& placed, const NullPattern& nulls) {
  const Merge& merge = placed.merge;
  const std::vector<std::string> columns = InsertedColumns(merge);
  return absl::StrCat("INSERT INTO ", QuoteTable(merge.target), " (", Prefixed(columns, ""), ") ",
                      merge.traits.identity.empty() ? "" : "OVERRIDING SYSTEM VALUE ", "SELECT ",
                      Prefixed(columns, "w."), " FROM ", PlacedWinners(placed), " WHERE ",
                      HasPattern(merge, nulls), " AND ", NotDeletedSql(merge),
                      " AND NOT EXISTS (SELECT 1 FROM ", QuoteTable(merge.target), " t WHERE ",
                      SameKey(merge, nulls), ")");
}

std::string RaisePlacedSql(const PlacedMerge& placed, const NullPattern& nulls) {
  const Merge& merge = placed.merge;
  const std::string generation = QuoteIdentifier(kGenerationIdColumn);
  return absl::StrCat("UPDATE ", QuoteTable(merge.target), " t SET ", generation, " = $1 FROM ",
                      PlacedWinners(placed, absl::StrCat(" WHERE ", generation, " >= $1")),
                      " WHERE ", HasPattern(merge, nulls), " AND ", SameKey(merge, nulls), " AND ",
                      NotDeletedSql(merge), " AND t.", generation, " < $1");
}

std::string DedupePlacedSql(const TableName& table, const TableSchema& schema, CdcDeleteMode mode,
                            absl::string_view column) {
  Merge merge;
  merge.schema = schema;
  merge.mode = mode;
  merge.winners = Winners::kInSource;
  const std::string place = QuoteIdentifier(column);
  return absl::StrCat("DELETE FROM ", QuoteTable(table), " t USING (SELECT w.", place,
                      " AS syncline_place, w.ctid AS tid, row_number() OVER (PARTITION BY ",
                      PlacedKeyOrder(schema, column), " ORDER BY ", NewestFirst(schema),
                      ") AS place, ", NotDeletedSql(merge), " AS stays FROM ", QuoteTable(table),
                      " w) r WHERE t.", place,
                      " = r.syncline_place AND t.ctid = r.tid AND (r.place > 1 OR NOT r.stays)");
}

}  // namespace syncline::postgres

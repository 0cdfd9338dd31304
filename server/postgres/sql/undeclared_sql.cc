#include "server/postgres/sql/undeclared_sql.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {
namespace {

// Returns the columns by which rows share values. Without a key each row is on its own.
std::string KeyOf(const TableSchema& schema) {
  return schema.primary_key.empty() ? QuoteIdentifier(kRawIdColumn) : KeyOrder(schema);
}

// Replaces "$n" by the column's number from 1, and "$d", "$k" and "$v" by names that no column has.
std::string AtPlace(absl::string_view pattern, size_t place) {
  return absl::StrReplaceAll(pattern, {{"$n", absl::StrCat(place + 1)},
                                       {"$d", absl::StrCat("\"syncline d", place + 1, "\"")},
                                       {"$k", absl::StrCat("\"syncline k", place + 1, "\"")},
                                       {"$v", absl::StrCat("\"syncline v", place + 1, "\"")}});
}

// Returns two SQL expressions: the value that a row gets, and whether the stored value is kept. $d
// is true if the row's stream declares the column, and $k if any row of the key does.
std::string ValueSql(const UndeclaredSql& column, size_t place) {
  const std::string own = QuoteIdentifier(column.name);
  const std::string fallback =
      column.fallback.empty() ? own : absl::StrCat("coalesce(", own, ", ", column.fallback, ")");
  if (!column.inherits) return absl::StrCat(own, AtPlace(", NOT $d", place));
  return absl::StrCat(AtPlace("CASE WHEN $d THEN ", place), own,
                      AtPlace(" WHEN $k THEN $v ELSE ", place), fallback,
                      AtPlace(" END, NOT $d AND NOT $k", place));
}

}  // namespace

std::string CreateUndeclaredSql(const TableName& staging,
                                const std::vector<UndeclaredSql>& columns) {
  std::string list;
  for (size_t i = 0; i < columns.size(); ++i) {
    absl::StrAppend(&list, ", ", QuoteIdentifier(columns[i].name),
                    AtPlace(" AS v$n, false AS a$n", i));
  }
  return absl::StrCat("CREATE TEMPORARY TABLE syncline_undeclared ON COMMIT DROP AS SELECT ",
                      QuoteIdentifier(kRawIdColumn), " AS raw_id", list, " FROM ",
                      QuoteTable(staging), " WITH NO DATA");
}

std::string RecordUndeclaredSql(const TableName& staging, const TableSchema& schema,
                                const std::vector<UndeclaredSql>& columns) {
  const std::string raw_id = QuoteIdentifier(kRawIdColumn);
  const std::string key = KeyOf(schema);
  std::vector<std::string> values;
  std::vector<std::string> lacks;
  std::string declared;
  std::string known;
  for (size_t i = 0; i < columns.size(); ++i) {
    values.push_back(ValueSql(columns[i], i));
    lacks.push_back(AtPlace("NOT $d", i));
    absl::StrAppend(&declared, ", NOT EXISTS (SELECT FROM unnest($", 2 * i + 1, "::text[], $",
                    2 * i + 2, "::text[]) AS r (f, l) WHERE ", raw_id,
                    " COLLATE \"C\" BETWEEN r.f AND r.l)", AtPlace(" AS $d", i));
    absl::StrAppend(&known, ", first_value(", QuoteIdentifier(columns[i].name),
                    ") OVER (PARTITION BY ", key, AtPlace(" ORDER BY $d DESC, ", i),
                    NewestFirst(schema), AtPlace(") AS $v, bool_or($d) OVER (PARTITION BY ", i),
                    key, AtPlace(") AS $k", i));
  }
  return absl::StrCat("INSERT INTO pg_temp.syncline_undeclared SELECT ", raw_id, ", ",
                      absl::StrJoin(values, ", "), " FROM (SELECT *", known,
                      " FROM (SELECT ctid, *", declared, " FROM ", QuoteTable(staging),
                      ") s) k WHERE ", absl::StrJoin(lacks, " OR "));
}

std::string FillUndeclaredSql(const TableName& staging, const std::vector<std::string>& names) {
  std::vector<std::string> values;
  for (size_t i = 0; i < names.size(); ++i) values.push_back(AtPlace("u.v$n", i));
  return absl::StrCat("UPDATE ", QuoteTable(staging), " s SET (", QuoteColumns(names), ") = ROW(",
                      absl::StrJoin(values, ", "),
                      ") FROM pg_temp.syncline_undeclared u WHERE u.raw_id = s.",
                      QuoteIdentifier(kRawIdColumn));
}

std::string JoinUndeclaredSql() {
  return absl::StrCat(" LEFT JOIN pg_temp.syncline_undeclared u ON u.raw_id = s.",
                      QuoteIdentifier(kRawIdColumn));
}

std::string AbsentSql(size_t place) { return AtPlace("coalesce(u.a$n, false)", place); }

}  // namespace syncline::postgres

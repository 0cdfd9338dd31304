#include "server/postgres/swap/in_place_sql.h"

#include "absl/strings/str_cat.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/sql/upsert_sql.h"

namespace syncline::postgres {
namespace {

// Joins stored row `t` with its difference `d`. Partitions have rows with the same place.
constexpr char kStored[] = "t.tableoid = d.part AND t.ctid = d.stored";

std::string JoinStaged(const InPlaceTables& tables) {
  return absl::StrCat("pg_temp.syncline_difference d JOIN ", QuoteTable(tables.staging),
                      " s ON s.ctid = d.tid");
}

// Compares the stored bytes, so that values that are equal but not the same (1.0 and 1.00) differ,
// and types without an equality (json) are compared, too.
std::string ValuesDiffer(const std::vector<std::string>& columns) {
  return absl::StrCat("ROW(", Prefixed(columns, "t."),
                      ")::pg_catalog.record OPERATOR(pg_catalog.*<>) ROW(", Prefixed(columns, "s."),
                      ")::pg_catalog.record");
}

std::string Differs(const InPlaceTables& tables) {
  if (tables.retyped) return "true";
  return tables.compared.empty() ? "false" : ValuesDiffer(tables.compared);
}

std::string InsertInto(const InPlaceTables& tables) {
  // Identity columns of the stream get the stream's values.
  return absl::StrCat("INSERT INTO ", QuoteTable(tables.target), " (", Prefixed(tables.written, ""),
                      ") OVERRIDING SYSTEM VALUE SELECT ", Prefixed(tables.written, "s."),
                      " FROM ");
}

}  // namespace

std::string CreateDifferenceSql(const InPlaceTables& tables, const std::string& same) {
  return absl::StrCat(
      "CREATE TEMPORARY TABLE syncline_difference ON COMMIT DROP AS SELECT t.ctid AS stored, "
      "t.tableoid AS part, s.ctid AS tid FROM ",
      QuoteTable(tables.target), " t FULL JOIN ", QuoteTable(tables.staging), " s ON ", same,
      " WHERE t.ctid IS NULL OR s.ctid IS NULL OR ", Differs(tables));
}

std::string HasDifferenceSql(const InPlaceTables& tables, const std::string& same,
                             const std::vector<std::string>& columns) {
  return absl::StrCat("SELECT EXISTS (SELECT FROM ", QuoteTable(tables.target), " t JOIN ",
                      QuoteTable(tables.staging), " s ON ", same, " WHERE ", ValuesDiffer(columns),
                      ")");
}

std::string AddUnchangedSql(const InPlaceTables& tables, const std::string& same) {
  return absl::StrCat(
      "INSERT INTO pg_temp.syncline_difference SELECT t.ctid, t.tableoid, s.ctid FROM ",
      QuoteTable(tables.target), " t JOIN ", QuoteTable(tables.staging), " s ON ", same,
      " LIMIT 1");
}

std::string DeleteMissingSql(const InPlaceTables& tables) {
  return absl::StrCat("DELETE FROM ", QuoteTable(tables.target),
                      " t USING pg_temp.syncline_difference d WHERE ", kStored,
                      " AND d.tid IS NULL");
}

std::string UpdateChangedSql(const InPlaceTables& tables) {
  return absl::StrCat("UPDATE ", QuoteTable(tables.target), " t SET (",
                      Prefixed(tables.updated, ""), ") = ROW(", Prefixed(tables.updated, "s."),
                      ") FROM ", JoinStaged(tables), " WHERE ", kStored);
}

std::string InsertNewSql(const InPlaceTables& tables) {
  return absl::StrCat(InsertInto(tables), JoinStaged(tables), " WHERE d.stored IS NULL");
}

std::string DeleteAllSql(const TableName& target) {
  return absl::StrCat("DELETE FROM ", QuoteTable(target));
}

std::string InsertAllSql(const InPlaceTables& tables) {
  return absl::StrCat(InsertInto(tables), QuoteTable(tables.staging), " s");
}

}  // namespace syncline::postgres

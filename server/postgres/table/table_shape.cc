#include "server/postgres/table/table_shape.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/raw_id.h"
#include "server/model/table_schema.h"
#include "server/postgres/sql/catalog_sql.h"

namespace syncline::postgres {
namespace {

// Column numbers of kTableShapesSql.
enum : size_t {
  kPlace,
  kKind,
  kPersistence,
  kInherits,
  kIsParent,
  kRowSecurity,
  kRawId,
  kExtractedAt,
  kMeta,
  kGenerationId,
};

std::string KindProblem(const std::string& kind) {
  if (kind == "r") return "";
  if (kind == "v") return "is a view";
  if (kind == "m") return "is a materialized view";
  if (kind == "f") return "is a foreign table";
  if (kind == "p") return "is a partitioned table";
  if (kind == "S") return "is a sequence";
  if (kind == "i" || kind == "I") return "is an index";
  if (kind == "c") return "is a composite type";
  return "is not a table";
}

std::string TypeProblem(const std::string& type) {
  if (type == "d") return "is a domain";
  if (type == "e") return "is an enum type";
  if (type == "r" || type == "m") return "is a range type";
  return "is a type";
}

// Returns whether the type is varchar or text, or a varchar(n) that holds a raw id, as older
// destinations created it.
bool HoldsRawId(absl::string_view type) {
  if (type == "character varying" || type == "text") return true;
  int length = 0;
  return absl::ConsumePrefix(&type, "character varying(") && absl::ConsumeSuffix(&type, ")") &&
         absl::SimpleAtoi(type, &length) && length >= RawIdGenerator::kLength;
}

std::string MetaProblem(const Result& result, size_t row) {
  const auto problem = [&](size_t column, absl::string_view name, bool fits) -> std::string {
    if (result.IsNull(row, column)) return absl::StrCat("has no column ", name);
    if (fits) return "";
    return absl::StrCat("has a column ", name, " of type ", result.Text(row, column));
  };
  const auto has_type = [&](size_t column, absl::string_view type) {
    return result.Text(row, column) == type;
  };
  for (const std::string& found :
       {problem(kRawId, kRawIdColumn, HoldsRawId(result.Text(row, kRawId))),
        problem(kExtractedAt, kExtractedAtColumn,
                has_type(kExtractedAt, "timestamp with time zone")),
        problem(kMeta, kMetaColumn, has_type(kMeta, "jsonb")),
        problem(kGenerationId, kGenerationIdColumn, has_type(kGenerationId, "bigint"))}) {
    if (!found.empty()) return found;
  }
  return "";
}

std::string FindProblem(const Result& result, size_t row) {
  if (std::string problem = KindProblem(result.Text(row, kKind)); !problem.empty()) return problem;
  if (result.Bool(row, kInherits)) return "is a partition or inherits from another table";
  if (result.Bool(row, kIsParent)) return "has tables that inherit from it";
  // A crash of the database empties such a table: acknowledged rows would be lost.
  if (result.Text(row, kPersistence) != "p") return "is an unlogged or temporary table";
  if (result.Bool(row, kRowSecurity)) return "has row level security that hides rows from our role";
  return MetaProblem(result, row);
}

// A table creates a type of its name, which fails if that type already exists.
absl::Status LookUpTypes(Transaction& transaction, const std::vector<std::string>& schemas,
                         const std::vector<std::string>& names, std::vector<TableShape>* shapes) {
  if (std::all_of(shapes->begin(), shapes->end(),
                  [](const TableShape& shape) { return shape.exists; })) {
    return absl::OkStatus();
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result types,
      transaction.Query(kTypesSql, Params().TextArray(schemas).TextArray(names)));
  for (size_t row = 0; row < types.size(); ++row) {
    TableShape& shape = shapes->at(static_cast<size_t>(types.Int(row, 0)) - 1);
    if (!shape.exists) shape = {true, TypeProblem(types.Text(row, 1))};
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TableShape>> LookUpShapes(Transaction& transaction,
                                                     const std::vector<TableName>& tables) {
  std::vector<std::string> schemas;
  std::vector<std::string> names;
  for (const TableName& table : tables) {
    schemas.push_back(table.schema);
    names.push_back(table.name);
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result result,
      transaction.Query(kTableShapesSql, Params().TextArray(schemas).TextArray(names)));
  std::vector<TableShape> shapes(tables.size());
  for (size_t row = 0; row < result.size(); ++row) {
    const size_t place = static_cast<size_t>(result.Int(row, kPlace)) - 1;
    shapes.at(place) = {true, FindProblem(result, row)};
  }
  SYNCLINE_RETURN_IF_ERROR(LookUpTypes(transaction, schemas, names, &shapes));
  return shapes;
}

absl::Status CheckShape(const TableName& table, const TableShape& shape) {
  if (shape.problem.empty()) return absl::OkStatus();
  ErrorDetail detail;
  detail.reason = reason::kTargetIncompatible;
  detail.subject = table.ToString();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " ", shape.problem, ": it was left unchanged"),
                   detail);
}

absl::Status TableNotFound(const TableName& table) {
  ErrorDetail detail;
  detail.reason = reason::kTableNotFound;
  detail.subject = table.ToString();
  return MakeError(absl::StatusCode::kNotFound,
                   absl::StrCat("the table ", table.ToString(), " does not exist"), detail);
}

}  // namespace syncline::postgres

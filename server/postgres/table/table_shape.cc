#include "server/postgres/table/table_shape.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/raw_id.h"
#include "server/model/table_schema.h"
#include "server/postgres/sql/catalog_sql.h"

namespace syncline::postgres {
namespace {

std::string KindProblem(const std::string& kind) {
  if (kind == "r" || kind == "p") return "";
  if (kind == "v") return "is a view";
  if (kind == "m") return "is a materialized view";
  if (kind == "f") return "is a foreign table";
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

// Returns whether the raw id is varchar or text, or a varchar(n) that holds a raw id, as older
// destinations created it.
bool HoldsRawId(const RowView& row) {
  return row.Bool("raw_id_is_text") &&
         (row.IsNull("raw_id_length") || row.Int("raw_id_length") >= RawIdGenerator::kLength);
}

// `type` is the column of kTableShapesSql that has the type of the meta column `name`.
std::string MetaProblem(const RowView& row) {
  const auto problem = [&](absl::string_view type, absl::string_view name,
                           bool fits) -> std::string {
    if (row.IsNull(type)) return absl::StrCat("has no column ", name);
    if (fits) return "";
    return absl::StrCat("has a column ", name, " of type ", row.Text(type));
  };
  for (const std::string& found :
       {problem("raw_id", kRawIdColumn, HoldsRawId(row)),
        problem("extracted_at", kExtractedAtColumn, row.Bool("extracted_at_fits")),
        problem("meta", kMetaColumn, row.Bool("meta_fits")),
        problem("generation_id", kGenerationIdColumn, row.Bool("generation_id_fits"))}) {
    if (!found.empty()) return found;
  }
  return "";
}

std::string FindProblem(const RowView& row) {
  if (std::string problem = KindProblem(row.Text("kind")); !problem.empty()) return problem;
  // A crash of the database empties such a table: acknowledged rows would be lost.
  if (row.Text("persistence") != "p") return "is an unlogged or temporary table";
  if (row.Bool("row_security")) return "has row level security that hides rows from our role";
  return MetaProblem(row);
}

// Returns the index of the table that `row` is about among those that were looked up.
size_t ReadPlace(const RowView& row) { return static_cast<size_t>(row.Int("place")) - 1; }

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
  for (const RowView row : types) {
    TableShape& shape = shapes->at(ReadPlace(row));
    if (!shape.exists) shape = {true, TypeProblem(row.Text("kind"))};
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
      const Result rows,
      transaction.Query(kTableShapesSql, Params().TextArray(schemas).TextArray(names)));
  std::vector<TableShape> shapes(tables.size());
  for (const RowView row : rows) shapes.at(ReadPlace(row)) = {true, FindProblem(row)};
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

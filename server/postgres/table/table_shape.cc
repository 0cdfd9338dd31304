#include "server/postgres/table/table_shape.h"

#include <algorithm>
#include <utility>

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

// A meta column, as kTableShapesSql describes it.
struct MetaColumn {
  std::string name;
  absl::string_view type;  // the column of the query's result that has its type
  bool fits = false;
};

// Compares the meta columns with those that the table must have.
TableShape CheckMeta(const RowView& row, TableMeta meta) {
  const std::vector<std::string> wanted = GetMetaColumns(meta);
  for (const MetaColumn& column :
       {MetaColumn{kRawIdColumn, "raw_id", HoldsRawId(row)},
        MetaColumn{kExtractedAtColumn, "extracted_at", row.Bool("extracted_at_fits")},
        MetaColumn{kMetaColumn, "meta", row.Bool("meta_fits")},
        MetaColumn{kGenerationIdColumn, "generation_id", row.Bool("generation_id_fits")}}) {
    const bool missing = row.IsNull(column.type);
    const bool must_exist = std::find(wanted.begin(), wanted.end(), column.name) != wanted.end();
    if (missing && must_exist) {
      return {.exists = true,
              .problem = absl::StrCat("has no column ", column.name),
              .lacks_meta = true};
    }
    if (!missing && !must_exist) {
      return {.exists = true,
              .problem = absl::StrCat("has the column ", column.name),
              .has_other_meta = true};
    }
    if (missing || column.fits) continue;
    return {
        .exists = true,
        .problem = absl::StrCat("has a column ", column.name, " of type ", row.Text(column.type))};
  }
  return {.exists = true, .problem = "", .access_method = row.Text("access_method")};
}

TableShape ReadShape(const RowView& row, TableMeta meta) {
  if (std::string problem = KindProblem(row.Text("kind")); !problem.empty()) {
    return {true, std::move(problem)};
  }
  // A crash of the database empties such a table: acknowledged rows would be lost.
  if (row.Text("persistence") != "p") return {true, "is an unlogged or temporary table"};
  if (row.Bool("row_security")) {
    return {true, "has row level security that hides rows from our role"};
  }
  return CheckMeta(row, meta);
}

// Returns the index of the table that `row` is about among those that were looked up.
size_t ReadPlace(const RowView& row) { return static_cast<size_t>(row.Int("place")) - 1; }

// Looks up which names are in use. Sets the shapes of types: a table creates a type of its name,
// which fails if that type already exists. Returns whether any name is a relation's.
absl::StatusOr<bool> LookUpNames(Transaction& transaction, const Params& names,
                                 std::vector<TableShape>* shapes) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kNamesInUseSql, names));
  bool relations = false;
  for (const RowView row : rows) {
    if (row.Bool("is_relation")) {
      relations = true;
    } else if (!row.IsNull("type_kind")) {
      shapes->at(ReadPlace(row)) = {true, TypeProblem(row.Text("type_kind"))};
    }
  }
  return relations;
}

// Describes the tables that exist.
absl::Status DescribeTables(Transaction& transaction, const Params& names,
                            const std::vector<TableMeta>& metas, std::vector<TableShape>* shapes) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kTableShapesSql, names));
  for (const RowView row : rows) {
    const size_t place = ReadPlace(row);
    shapes->at(place) = ReadShape(row, metas.empty() ? TableMeta::kFull : metas.at(place));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<TableShape>> LookUpShapes(Transaction& transaction,
                                                     const std::vector<TableName>& tables,
                                                     const std::vector<TableMeta>& metas) {
  const Params names = Params().TableNames(tables);
  std::vector<TableShape> shapes(tables.size());
  // Before tables are created, there are none to describe. That query takes longer to plan.
  SYNCLINE_ASSIGN_OR_RETURN(const bool relations, LookUpNames(transaction, names, &shapes));
  if (relations) {
    SYNCLINE_RETURN_IF_ERROR(DescribeTables(transaction, names, metas, &shapes));
  }
  return shapes;
}

absl::StatusOr<TableShape> LookUpShape(Transaction& transaction, const TableName& table,
                                       TableMeta meta) {
  const Params names = Params().TableNames({table});
  std::vector<TableShape> shapes(1);
  SYNCLINE_RETURN_IF_ERROR(DescribeTables(transaction, names, {meta}, &shapes));
  if (!shapes[0].exists) {
    SYNCLINE_RETURN_IF_ERROR(LookUpNames(transaction, names, &shapes).status());
  }
  return shapes[0];
}

absl::Status CheckShape(const TableName& table, const TableShape& shape) {
  if (shape.problem.empty()) return absl::OkStatus();
  if (shape.has_other_meta) return MetaMismatch(table, shape.problem);
  ErrorDetail detail;
  detail.reason = reason::kTargetIncompatible;
  detail.subject = table.ToString();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " ", shape.problem, ": it was left unchanged"),
                   detail);
}

absl::Status MetaMismatch(const TableName& table, absl::string_view problem) {
  ErrorDetail detail;
  detail.reason = reason::kMetaMismatch;
  detail.subject = table.ToString();
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat(table.ToString(), " ", problem,
                                ": it was loaded with another meta, which never changes; load it "
                                "with that meta, or load into another table"),
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

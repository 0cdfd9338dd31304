#include "server/model/evolution_plan.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "base/utf8.h"

namespace syncline {
namespace {

// Keeps the metadata and messages of errors small.
constexpr size_t kMaxChangesBytes = 1024;

bool IsExactInteger(absl::string_view base) { return base == "smallint" || base == "integer"; }
bool IsFloat(absl::string_view base) { return base == "real" || base == "double precision"; }

// Returns the stream column type with the same values as the column, or nullopt if there is none.
std::optional<ColumnType> FindStreamType(const TableColumn& column) {
  if (column.text_like) return ColumnType::kVarchar;
  const std::string base = WithoutModifier(column.base_type);
  if (const auto type = ColumnTypeFromPostgresName(base); type.has_value()) return type;
  if (base == "json") return ColumnType::kJsonb;
  return std::nullopt;
}

// Returns whether every value of type `declared` can be stored in a column of type `family` and
// read back. `decides` is true if the upsert compares the values.
bool Holds(ColumnType family, ColumnType declared, bool decides) {
  if (family == declared) return true;
  switch (family) {
    case ColumnType::kJsonb:
      return true;
    case ColumnType::kVarchar:
      // Text sorts differently from numbers and times.
      return declared != ColumnType::kJsonb && !decides;
    case ColumnType::kNumeric:
      return declared == ColumnType::kBigint;
    case ColumnType::kTimestamp:
    case ColumnType::kTimestamptz:
      return declared == ColumnType::kDate;
    case ColumnType::kTimetz:
      return declared == ColumnType::kTime;
    case ColumnType::kBytea:
      return declared == ColumnType::kVarchar;  // PostgreSQL converts text to bytea
    case ColumnType::kBigint:
    case ColumnType::kBoolean:
    case ColumnType::kDate:
    case ColumnType::kTime:
      return false;
  }
  return false;
}

bool FitsColumn(const TableColumn& column, ColumnType declared, bool decides) {
  if (const auto family = FindStreamType(column); family.has_value()) {
    return Holds(*family, declared, decides);
  }
  const std::string base = WithoutModifier(column.base_type);
  if (IsExactInteger(base)) return declared == ColumnType::kBigint;
  if (IsFloat(base)) return declared == ColumnType::kBigint || declared == ColumnType::kNumeric;
  // All other types can be read from text: uuid, inet, interval, arrays, …
  return declared == ColumnType::kVarchar;
}

// Returns the type to which values are coerced before they are stored in the unchanged column.
ColumnType CoercedFor(const TableColumn& column, ColumnType declared) {
  const auto family = FindStreamType(column);
  if (family == ColumnType::kBytea && declared == ColumnType::kVarchar) return declared;
  if (family.has_value()) return *family;
  const std::string base = WithoutModifier(column.base_type);
  if (IsExactInteger(base)) return ColumnType::kBigint;
  if (IsFloat(base)) {
    return declared == ColumnType::kBigint ? ColumnType::kBigint : ColumnType::kNumeric;
  }
  return ColumnType::kVarchar;
}

// Returns ColumnSchema::stored_type of the unchanged column.
std::string GetStoredType(const TableColumn& column) {
  const std::string base = WithoutModifier(column.base_type);
  const bool is_text = base == "character varying" || base == "character" || base == "text";
  if (column.text_form && !is_text) return "text";
  return column.base_type == column.type ? "" : column.base_type;
}

// Returns whether the column's type is one that streams create.
bool IsStreamType(const TableColumn& column) {
  return ColumnTypeFromPostgresName(column.type).has_value();
}

// Returns whether the change of type requires PostgreSQL to rewrite the table.
bool Rewrites(const TableColumn& from, ColumnType to) {
  const std::string base = WithoutModifier(from.base_type);
  if (base == PostgresTypeName(to)) return false;
  return !(base == "text" && to == ColumnType::kVarchar);
}

class Planner {
 public:
  Planner(const TableName& table, const TableSchema& declared, const EvolutionInput& input)
      : table_(table), input_(input), drops_(Drops(input)) {
    plan_.schema = declared;
  }

  absl::StatusOr<EvolutionPlan> Plan() {
    if (!input_.exists) {
      plan_.changes.push_back(
          {.kind = SchemaChange::Kind::kCreateTable, .column = "", .from = "", .to = ""});
      return std::move(plan_);
    }
    SYNCLINE_RETURN_IF_ERROR(CheckShared());
    for (const ColumnSchema& column : plan_.schema.columns) {
      if (Find(column.column_name) == nullptr) {
        plan_.changes.push_back({.kind = SchemaChange::Kind::kAddColumn,
                                 .column = column.column_name,
                                 .from = "",
                                 .to = GetTableType(column)});
      }
    }
    for (const TableColumn& column : input_.columns) SYNCLINE_RETURN_IF_ERROR(Visit(column));
    SYNCLINE_RETURN_IF_ERROR(CheckFrozen());
    SYNCLINE_RETURN_IF_ERROR(CheckWidth());
    MarkCopy();
    SYNCLINE_RETURN_IF_ERROR(CheckRewrites());
    return std::move(plan_);
  }

 private:
  static bool Drops(const EvolutionInput& input) {
    return input.policy != SchemaPolicy::kKeep && !input.inferred;
  }

  const TableColumn* Find(const std::string& name) const {
    for (const TableColumn& column : input_.columns) {
      if (column.name == name) return &column;
    }
    return nullptr;
  }

  ColumnSchema* FindDeclared(const std::string& name) {
    for (ColumnSchema& column : plan_.schema.columns) {
      if (column.column_name == name) return &column;
    }
    return nullptr;
  }

  absl::Status CheckShared() const {
    if (!input_.inferred || input_.columns.empty() || plan_.schema.columns.empty()) {
      return absl::OkStatus();
    }
    std::vector<std::string> declared;
    for (const ColumnSchema& column : plan_.schema.columns) {
      if (Find(column.column_name) != nullptr) return absl::OkStatus();
      declared.push_back(column.column_name);
    }
    std::vector<std::string> present;
    for (const TableColumn& column : input_.columns) present.push_back(column.name);
    ErrorDetail detail;
    detail.reason = reason::kNoSharedColumn;
    detail.subject = table_.ToString();
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     absl::StrCat(table_.ToString(), " has the columns ",
                                  CutAtCharacter(absl::StrJoin(present, ", "), kMaxChangesBytes),
                                  " and the input has the columns ",
                                  CutAtCharacter(absl::StrJoin(declared, ", "), kMaxChangesBytes),
                                  ": they have no column in common"),
                     detail);
  }

  absl::Status Visit(const TableColumn& column) {
    ColumnSchema* const declared = FindDeclared(column.name);
    if (declared != nullptr) return VisitDeclared(column, declared);
    if (column.owned && drops_) {
      plan_.changes.push_back({.kind = SchemaChange::Kind::kDropColumn,
                               .column = column.name,
                               .from = column.type,
                               .to = ""});
      return absl::OkStatus();
    }
    if (!column.not_null || column.filled) return absl::OkStatus();
    ErrorDetail detail;
    detail.reason = reason::kColumnNotFilled;
    detail.metadata = {{"column", column.name}};
    detail.subject = table_.ToString();
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat("the column ", column.name, " of ", table_.ToString(),
                     " is NOT NULL without a default, and the stream does not fill it: add a "
                     "default or drop the NOT NULL"),
        detail);
  }

  absl::Status VisitDeclared(const TableColumn& column, ColumnSchema* declared) {
    if (column.generated) {
      ErrorDetail detail;
      detail.reason = reason::kColumnGenerated;
      detail.metadata = {{"column", column.name}};
      detail.subject = table_.ToString();
      return MakeError(
          absl::StatusCode::kFailedPrecondition,
          absl::StrCat("the column ", column.name, " of ", table_.ToString(),
                       " is generated and cannot be written, but the stream declares it: "
                       "rename one of them"),
          detail);
    }
    if (Stays(column, *declared)) {
      const ColumnType coerced = CoercedFor(column, declared->type);
      if (coerced != declared->type) {
        declared->json_shape = JsonShape::kAny;
        if (!declared->declared_type.has_value()) declared->declared_type = declared->type;
      }
      declared->type = coerced;
      declared->table_type = column.type == PostgresTypeName(coerced) ? "" : column.type;
      declared->stored_type = GetStoredType(column);
      return absl::OkStatus();
    }
    const bool rewrites = !input_.replaced && Rewrites(column, declared->type);
    plan_.changes.push_back({.kind = SchemaChange::Kind::kChangeType,
                             .column = column.name,
                             .from = column.type,
                             .to = GetTableType(*declared),
                             .rewrites = rewrites,
                             .table_bytes = rewrites ? input_.table_bytes : 0});
    return absl::OkStatus();
  }

  // Returns whether the column keeps its type.
  bool Stays(const TableColumn& column, const ColumnSchema& declared) const {
    if (!column.owned || input_.inferred) return true;
    // A replacement creates columns of these types as they are declared.
    if (input_.replaced && IsStreamType(column)) return column.type == GetTableType(declared);
    return FitsColumn(column, declared.type, IsComparedByUpsert(plan_.schema, column.name));
  }

  absl::Status CheckFrozen() const {
    if (input_.policy != SchemaPolicy::kFreeze || plan_.changes.empty()) return absl::OkStatus();
    const std::string all = absl::StrJoin(
        plan_.changes, "; ",
        [](std::string* out, const SchemaChange& change) { out->append(Describe(change)); });
    const std::string changes(CutAtCharacter(all, kMaxChangesBytes));
    ErrorDetail detail;
    detail.reason = reason::kSchemaFrozen;
    detail.metadata = {{"changes", changes}};
    detail.subject = table_.ToString();
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(
            "the schema policy FREEZE does not allow the changes that the stream needs in ",
            table_.ToString(), ": ", changes),
        detail);
  }

  int64_t Count(SchemaChange::Kind kind) const {
    return std::count_if(plan_.changes.begin(), plan_.changes.end(),
                         [&](const SchemaChange& change) { return change.kind == kind; });
  }

  absl::Status CheckWidth() const {
    const int64_t columns = static_cast<int64_t>(input_.columns.size()) + kMetaColumns +
                            Count(SchemaChange::Kind::kAddColumn) -
                            Count(SchemaChange::Kind::kDropColumn);
    if (columns <= kMaxTableColumns) return absl::OkStatus();
    ErrorDetail detail;
    detail.reason = reason::kTableTooWide;
    detail.metadata = {{"columns", absl::StrCat(columns)}};
    detail.subject = table_.ToString();
    return MakeError(
        absl::StatusCode::kFailedPrecondition,
        absl::StrCat(table_.ToString(), " would have ", columns,
                     " columns, including those of the stream, but PostgreSQL allows at most ",
                     kMaxTableColumns, ": drop columns of the table, or load into another table"),
        detail);
  }

  // Marks added columns that require a copy of the table, because its dropped columns leave no
  // room. A table that is replaced is created anew, without dropped columns.
  void MarkCopy() {
    const int64_t added = Count(SchemaChange::Kind::kAddColumn);
    if (input_.replaced || input_.attributes + added <= kMaxTableColumns) return;
    for (SchemaChange& change : plan_.changes) {
      if (change.kind != SchemaChange::Kind::kAddColumn) continue;
      change.rewrites = true;
      change.table_bytes = input_.table_bytes;
    }
  }

  absl::Status CheckRewrites() const {
    if (input_.table_bytes <= input_.max_rewrite_bytes) return absl::OkStatus();
    for (const SchemaChange& change : plan_.changes) {
      if (!change.rewrites) continue;
      ErrorDetail detail;
      detail.reason = reason::kRewriteTooLarge;
      detail.metadata = {{"column", change.column},
                         {"table_bytes", absl::StrCat(input_.table_bytes)},
                         {"max_rewrite_bytes", absl::StrCat(input_.max_rewrite_bytes)}};
      detail.subject = table_.ToString();
      return MakeError(absl::StatusCode::kFailedPrecondition,
                       absl::StrCat("the stream ", Describe(change), ", which rewrites ",
                                    table_.ToString(), " (", input_.table_bytes,
                                    " bytes) and blocks all readers: refresh the stream, or raise "
                                    "--max_rewrite_bytes (",
                                    input_.max_rewrite_bytes, ")"),
                       detail);
    }
    return absl::OkStatus();
  }

  const TableName& table_;
  const EvolutionInput& input_;
  const bool drops_;
  EvolutionPlan plan_;
};

}  // namespace

absl::StatusOr<EvolutionPlan> PlanEvolution(const TableName& table, const TableSchema& declared,
                                            const EvolutionInput& input) {
  return Planner(table, declared, input).Plan();
}

ColumnSchema SchemaOf(const TableColumn& column) {
  ColumnSchema schema = {.input_name = column.name,
                         .column_name = column.name,
                         .type = CoercedFor(column, ColumnType::kVarchar)};
  if (column.type != PostgresTypeName(schema.type)) schema.table_type = column.type;
  schema.stored_type = GetStoredType(column);
  return schema;
}

bool IsComparedByUpsert(const TableSchema& schema, absl::string_view column) {
  return schema.cursor == column || std::find(schema.primary_key.begin(), schema.primary_key.end(),
                                              column) != schema.primary_key.end();
}

std::string GetTableType(const ColumnSchema& column) {
  return column.table_type.empty() ? std::string(PostgresTypeName(column.type)) : column.table_type;
}

std::string WithoutModifier(absl::string_view type) {
  const size_t open = type.find('(');
  const size_t close = type.find(')');
  if (open == absl::string_view::npos || close == absl::string_view::npos) return std::string(type);
  return absl::StrCat(type.substr(0, open), type.substr(close + 1));
}

std::string Describe(const SchemaChange& change) {
  switch (change.kind) {
    case SchemaChange::Kind::kAddColumn:
      return absl::StrCat("adds the column ", change.column, " ", change.to);
    case SchemaChange::Kind::kChangeType:
      return absl::StrCat("changes the column ", change.column, " from ", change.from, " to ",
                          change.to);
    case SchemaChange::Kind::kDropColumn:
      return absl::StrCat("drops the column ", change.column, " ", change.from);
    case SchemaChange::Kind::kRelaxNotNull:
      return absl::StrCat("makes the column ", change.column, " nullable");
    case SchemaChange::Kind::kAddIndex:
      return absl::StrCat("adds the index ", change.column);
    case SchemaChange::Kind::kDropIndex:
      return absl::StrCat("drops the index ", change.column);
    case SchemaChange::Kind::kCreateTable:
      return "creates the table";
    case SchemaChange::Kind::kReplicaIdentity:
      return absl::StrCat("changes the replica identity from ", change.from, " to ", change.to);
  }
  return "";
}

}  // namespace syncline

#include "server/postgres/table/schema_evolution.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/model/evolution_plan.h"
#include "server/postgres/connection/ddl_step.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/dependents/column_dependents.h"
#include "server/postgres/dependents/dependents.h"
#include "server/postgres/sql/cast_sql.h"
#include "server/postgres/sql/catalog_sql.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/table_shape.h"

namespace syncline::postgres {
namespace {

bool IsMetaColumn(absl::string_view name) {
  return name == kRawIdColumn || name == kExtractedAtColumn || name == kMetaColumn ||
         name == kGenerationIdColumn;
}

template <typename Columns>
auto FindByName(const Columns& columns, const std::string& name) {
  return std::find_if(columns.begin(), columns.end(),
                      [&](const auto& column) { return column.name == name; });
}

const ColumnSchema* FindSchema(const TableSchema& schema, const std::string& name) {
  for (const ColumnSchema& column : schema.columns) {
    if (column.column_name == name) return &column;
  }
  return nullptr;
}

absl::Status UnknownColumn(const TableName& table, const std::string& column) {
  ErrorDetail detail;
  detail.reason = reason::kSchemaChanged;
  detail.subject = table.ToString();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(table.ToString(), " no longer has the column ", column), detail);
}

absl::Status CastRefused(const TableName& table, const DiscoveredColumn& from,
                         const ColumnSchema& to, const std::string& row, TableMeta meta) {
  const char* const what = meta == TableMeta::kFull ? kRawIdColumn : "ctid";
  ErrorDetail detail;
  detail.reason = reason::kSchemaIncompatible;
  detail.subject = table.ToString();
  detail.metadata = {{"column", from.name}, {meta == TableMeta::kFull ? "raw_id" : "ctid", row}};
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      absl::StrCat("the column ", from.name, " of ", table.ToString(), " cannot change from ",
                   from.type, " to ", GetTableType(to), ": the row with ", what, " ", row,
                   " holds a value that does not fit; nothing was changed"),
      detail);
}

// Returns whether `expression` is NULL for any row.
absl::StatusOr<bool> HasNull(Transaction& transaction, const TableName& table,
                             absl::string_view expression) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result,
                            transaction.Query(ExampleRowSql(
                                table, absl::StrCat(expression, " IS NULL"), TableMeta::kNone)));
  return !result.empty();
}

// Adds NOT NULL as the schema requires, if the stored rows allow it: a null that is already stored
// must not stop a stream. The user has made a column that is stricter than the schema.
absl::Status AppendNullability(Transaction& transaction, const TableName& table,
                               const DiscoveredColumn& from, const ColumnSchema& to,
                               absl::string_view expression, std::vector<std::string>* clauses) {
  if (to.nullable || !from.nullable) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const bool has_null, HasNull(transaction, table, expression));
  if (!has_null) clauses->push_back(SetNotNullClause(from.name));
  return absl::OkStatus();
}

absl::Status CheckCast(Transaction& transaction, const TableName& table,
                       const DiscoveredColumn& from, const ColumnSchema& to, TableMeta meta) {
  const Cast cast = CastToColumn(from.type, to);
  if (cast.failing.empty()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const Result example,
                            transaction.Query(ExampleRowSql(table, cast.failing, meta)));
  if (example.empty()) return absl::OkStatus();
  return CastRefused(table, from, to, example.Text(0, 0), meta);
}

// Adds an entry to the rows whose value does not fit, and returns the expression that casts the
// others.
absl::StatusOr<std::string> NullFailingCasts(Transaction& transaction, const TableName& table,
                                             const ColumnSchema& to, const Cast& cast,
                                             TableMeta meta) {
  if (cast.failing.empty()) return cast.expression;
  if (meta == TableMeta::kFull) {
    SYNCLINE_RETURN_IF_ERROR(
        transaction.Query(RecordCastFailuresSql(table, cast.failing), Params().Text(to.input_name))
            .status());
  }
  return absl::StrCat("CASE WHEN ", cast.failing, " THEN NULL ELSE ", cast.expression, " END");
}

absl::Status AppendChange(Transaction& transaction, const TableName& table,
                          const DiscoveredColumn& from, const ColumnSchema& to, TableMeta meta,
                          CastFailure failure, std::vector<std::string>* clauses) {
  if (from.type == GetTableType(to)) {
    return AppendNullability(transaction, table, from, to, QuoteIdentifier(from.name), clauses);
  }
  const Cast cast = CastToColumn(from.type, to);
  std::string expression = cast.expression;
  if (failure == CastFailure::kRefuse) {
    SYNCLINE_RETURN_IF_ERROR(CheckCast(transaction, table, from, to, meta));
  } else {
    SYNCLINE_ASSIGN_OR_RETURN(expression, NullFailingCasts(transaction, table, to, cast, meta));
  }
  clauses->push_back(AlterTypeClause(from.name, GetTableType(to), expression));
  return AppendNullability(transaction, table, from, to, expression, clauses);
}

// ADD COLUMN never has NOT NULL, because stored rows would violate it. An empty table gets it at
// once, so that the next diff is empty.
absl::Status AppendAdded(Transaction& transaction, const TableName& table,
                         const TableSchema& schema, const std::vector<std::string>& names,
                         std::vector<std::string>* clauses) {
  bool any_not_null = false;
  for (const std::string& name : names) {
    const ColumnSchema* const column = FindSchema(schema, name);
    if (column == nullptr) return UnknownColumn(table, name);
    clauses->push_back(AddColumnClause(*column));
    any_not_null = any_not_null || !column->nullable;
  }
  if (!any_not_null) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const bool has_rows, HasRows(transaction, table));
  if (has_rows) return absl::OkStatus();
  for (const std::string& name : names) {
    if (!FindSchema(schema, name)->nullable) clauses->push_back(SetNotNullClause(name));
  }
  return absl::OkStatus();
}

// Columns on which other objects may depend: those that are dropped, and those that get another
// type (name -> new type).
struct Disturbed {
  std::set<std::string> columns;
  std::map<std::string, std::string> retyped;
};

Disturbed FindDisturbed(const DiscoveredTable& from, const TableSchema& schema,
                        const SchemaChange& change) {
  Disturbed disturbed;
  disturbed.columns.insert(change.drop.begin(), change.drop.end());
  for (const std::string& name : change.change) {
    const auto column = FindByName(from.columns, name);
    const ColumnSchema* const wanted = FindSchema(schema, name);
    if (column == from.columns.end() || wanted == nullptr) continue;
    const std::string type = GetTableType(*wanted);
    if (column->type == type) continue;
    disturbed.columns.insert(name);
    disturbed.retyped[name] = type;
  }
  return disturbed;
}

// Converts an error about something that depends on a column: an expression that is not defined for
// the new type, a foreign key, an object that needs the column.
absl::Status WithDependent(const absl::Status& status, const TableName& table) {
  const std::string sqlstate = GetSqlState(status);
  const bool about = absl::StartsWith(sqlstate, "42") || absl::StartsWith(sqlstate, "0A") ||
                     absl::StartsWith(sqlstate, "2B");
  if (!about || sqlstate == "42P01" || sqlstate == "42703") return status;
  return ToRefusal(status, reason::kDependentObjects, table.ToString());
}

// Runs one ALTER TABLE. What prevents it is removed before it and restored after it.
absl::Status Alter(Transaction& transaction, const TableName& table, const Disturbed& disturbed,
                   const std::vector<std::string>& clauses) {
  const std::string sql = AlterTableSql(table, clauses);
  if (disturbed.columns.empty()) return transaction.Execute(sql);
  SYNCLINE_ASSIGN_OR_RETURN(const Dependents all, CaptureDependents(transaction, table));
  const Dependents views = SelectReaders(all, disturbed.columns);
  ColumnDependents others;
  if (!disturbed.retyped.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(others,
                              CaptureColumnDependents(transaction, views, disturbed.retyped));
  }
  // Readers of the views queue from the first of these locks on.
  std::vector<DdlStep> locks = LockViews(views);
  locks.insert(locks.end(), others.locks.begin(), others.locks.end());
  locks.push_back({.subject = table.ToString(), .sql = LockAgainstAllSql(table)});
  SYNCLINE_RETURN_IF_ERROR(TakeLocks(transaction, locks));
  SYNCLINE_RETURN_IF_ERROR(RunSteps(transaction, others.remove));
  SYNCLINE_RETURN_IF_ERROR(DropDependentViews(transaction, views));
  SYNCLINE_RETURN_IF_ERROR(WithDependent(transaction.Execute(sql), table));
  SYNCLINE_RETURN_IF_ERROR(RestoreDependentViews(transaction, views));
  return RunSteps(transaction, others.restore);
}

// Logs one line per change of a column.
void LogChange(const TableName& table, const DiscoveredTable& from, const TableSchema& schema,
               const SchemaChange& change) {
  const auto log = [&](::syncline::SchemaChange::Kind kind, const std::string& column,
                       absl::string_view before, absl::string_view after) {
    Log(LogLevel::kInfo, "schema_changed")
        .Field("table", table.ToString())
        .Field("kind", ToText(kind))
        .Field("column", column)
        .Field("from", before)
        .Field("to", after);
  };
  using Kind = ::syncline::SchemaChange::Kind;
  const auto type_before = [&](const std::string& name) {
    const auto column = FindByName(from.columns, name);
    return column == from.columns.end() ? std::string() : column->type;
  };
  for (const std::string& name : change.add) {
    log(Kind::kAddColumn, name, "", GetTableType(*FindSchema(schema, name)));
  }
  for (const std::string& name : change.change) {
    const std::string after = GetTableType(*FindSchema(schema, name));
    if (type_before(name) != after) log(Kind::kChangeType, name, type_before(name), after);
  }
  for (const std::string& name : change.drop) log(Kind::kDropColumn, name, type_before(name), "");
}

absl::StatusOr<DiscoveredTable> ReadColumns(Transaction& transaction, const TableName& table) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result rows,
      transaction.Query(kColumnsSql, Params().Text(table.schema).Text(table.name)));
  DiscoveredTable discovered;
  for (const RowView row : rows) {
    const std::string& name = row.Text("name");
    if (IsMetaColumn(name)) continue;
    discovered.columns.push_back({name, row.Text("type"), !row.Bool("not_null")});
  }
  return discovered;
}

}  // namespace

absl::StatusOr<DiscoveredTable> DiscoverTable(Transaction& transaction, const TableName& table,
                                              TableMeta meta) {
  SYNCLINE_ASSIGN_OR_RETURN(const TableShape shape, LookUpShape(transaction, table, meta));
  if (!shape.exists) return TableNotFound(table);
  SYNCLINE_RETURN_IF_ERROR(CheckShape(table, shape));
  return ReadColumns(transaction, table);
}

DiscoveredTable ComputeTable(const TableSchema& schema) {
  DiscoveredTable table;
  for (const ColumnSchema& column : schema.columns) {
    table.columns.push_back({column.column_name, GetTableType(column), column.nullable});
  }
  return table;
}

SchemaChange DiffTables(const DiscoveredTable& from, const DiscoveredTable& to) {
  SchemaChange change;
  for (const DiscoveredColumn& column : from.columns) {
    const auto wanted = FindByName(to.columns, column.name);
    if (wanted == to.columns.end()) {
      change.drop.push_back(column.name);
    } else if (wanted->type != column.type || (column.nullable && !wanted->nullable)) {
      change.change.push_back(column.name);
    } else {
      change.retain.push_back(column.name);
    }
  }
  for (const DiscoveredColumn& column : to.columns) {
    if (FindByName(from.columns, column.name) == from.columns.end()) {
      change.add.push_back(column.name);
    }
  }
  return change;
}

absl::Status ApplySchemaChange(Transaction& transaction, const TableName& table,
                               const TableSchema& schema, const SchemaChange& change,
                               CastFailure failure) {
  if (change.IsNoop()) return absl::OkStatus();
  // What is checked about the stored rows must still be true when they are rewritten.
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(LockAgainstWritersSql(table)));
  SYNCLINE_ASSIGN_OR_RETURN(const DiscoveredTable from, ReadColumns(transaction, table));
  std::vector<std::string> clauses;
  for (const std::string& name : change.drop) clauses.push_back(DropColumnClause(name));
  for (const std::string& name : change.change) {
    const auto column = FindByName(from.columns, name);
    const ColumnSchema* const wanted = FindSchema(schema, name);
    if (column == from.columns.end() || wanted == nullptr) return UnknownColumn(table, name);
    SYNCLINE_RETURN_IF_ERROR(
        AppendChange(transaction, table, *column, *wanted, schema.meta, failure, &clauses));
  }
  SYNCLINE_RETURN_IF_ERROR(AppendAdded(transaction, table, schema, change.add, &clauses));
  if (clauses.empty()) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(Alter(transaction, table, FindDisturbed(from, schema, change), clauses));
  LogChange(table, from, schema, change);
  return absl::OkStatus();
}

absl::Status CheckCasts(Transaction& transaction, const TableName& table,
                        const TableSchema& schema) {
  SYNCLINE_ASSIGN_OR_RETURN(const DiscoveredTable from, ReadColumns(transaction, table));
  for (const ColumnSchema& column : schema.columns) {
    const auto found = FindByName(from.columns, column.column_name);
    if (found == from.columns.end() || found->type == GetTableType(column)) continue;
    SYNCLINE_RETURN_IF_ERROR(CheckCast(transaction, table, *found, column, schema.meta));
  }
  return absl::OkStatus();
}

absl::Status EvolveTable(Transaction& transaction, const TableName& table,
                         const TableSchema& schema, const EvolveOptions& options) {
  const DiscoveredTable wanted = ComputeTable(schema);
  const auto difference = [&](const DiscoveredTable& found) {
    SchemaChange change = DiffTables(found, wanted);
    std::vector<std::string> drop;
    for (std::string& name : change.drop) {
      std::vector<std::string>& to = options.drop.count(name) > 0 ? drop : change.retain;
      to.push_back(std::move(name));
    }
    change.drop = std::move(drop);
    return change;
  };
  SYNCLINE_ASSIGN_OR_RETURN(const DiscoveredTable seen,
                            DiscoverTable(transaction, table, schema.meta));
  if (difference(seen).IsNoop()) return absl::OkStatus();
  // Another server may be changing the table, so only what is read under the lock counts.
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute(LockAgainstWritersSql(table)));
  SYNCLINE_ASSIGN_OR_RETURN(const DiscoveredTable found,
                            DiscoverTable(transaction, table, schema.meta));
  return ApplySchemaChange(transaction, table, schema, difference(found), options.failure);
}

}  // namespace syncline::postgres

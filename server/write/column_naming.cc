#include "server/write/column_naming.h"

#include "base/status_macros.h"
#include "server/postgres/ledger/stream_names.h"

namespace syncline::write {
namespace {

void SetColumnNames(const std::vector<std::string>& columns, StreamPlan* plan) {
  TableSchema* const schema = &plan->schema;
  std::map<std::string, std::string> by_property;
  for (size_t i = 0; i < columns.size(); ++i) {
    schema->columns[i].column_name = columns[i];
    by_property[schema->columns[i].input_name] = columns[i];
  }
  for (std::string& key : schema->primary_key) key = by_property[key];
  for (std::string& key : plan->guard.key) key = by_property[key];
  if (schema->cursor.has_value()) schema->cursor = by_property[*schema->cursor];
  if (!plan->deleted_at_column.empty()) {
    plan->deleted_at_column = by_property[plan->deleted_at_column];
  }
}

}  // namespace

ColumnNaming::ColumnNaming(const postgres::Ledger* ledger, postgres::Transaction* transaction)
    : transaction_(transaction), schema_(ledger->quoted_schema()) {}

absl::Status ColumnNaming::Name(const std::vector<StreamEntry*>& streams) {
  std::vector<TableName> tables;
  for (const StreamEntry* stream : streams) {
    tables.push_back(stream->plan.table);
    tables.push_back(stream->plan.temp_table);
  }
  SYNCLINE_ASSIGN_OR_RETURN(auto facts,
                            postgres::ReadTableColumnFacts(*transaction_, schema_, tables));
  for (StreamEntry* stream : streams) {
    std::vector<std::string> properties;
    for (const ColumnSchema& column : stream->plan.schema.columns) {
      properties.push_back(column.input_name);
    }
    // A column that exists only in the staging table counts, too.
    postgres::TableColumnFacts& of_table = facts[stream->plan.table];
    of_table.existing.merge(facts[stream->plan.temp_table].existing);
    ColumnAssignment assignment = AssignColumns(properties, of_table.known, of_table.existing);
    SetColumnNames(assignment.columns, &stream->plan);
    changed_[stream] = std::move(assignment.changed);
  }
  return absl::OkStatus();
}

absl::Status ColumnNaming::Write(const std::vector<StreamEntry*>& streams) {
  std::vector<std::pair<TableName, KnownColumn>> columns;
  for (const StreamEntry* stream : streams) {
    if (stream->state != StreamState::kOpen) continue;
    for (const KnownColumn& column : changed_[stream]) {
      columns.emplace_back(stream->plan.table, column);
    }
  }
  return postgres::WriteTableColumns(*transaction_, schema_, columns);
}

}  // namespace syncline::write

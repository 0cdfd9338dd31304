#include "server/write/stream_naming.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/model/names.h"
#include "server/postgres/sql_generator.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

Warning TableSplit(const StreamDescriptor& stream, const TableName& shared,
                   const TableName& table) {
  return {"TABLE_SPLIT",
          absl::StrCat("the stream \"", stream.name, "\" of namespace \"", stream.name_space,
                       "\" was loaded into ", shared.ToString(),
                       " together with another stream, which keeps that table; from now on it is "
                       "loaded into ",
                       table.ToString(), ", and its earlier rows stay where they are")};
}

void NameColumnsOf(const std::vector<std::string>& columns, StreamPlan* plan) {
  TableSchema* const schema = &plan->schema;
  std::map<std::string, std::string> by_property;
  for (size_t i = 0; i < columns.size(); ++i) {
    schema->columns[i].column_name = columns[i];
    by_property[schema->columns[i].input_name] = columns[i];
  }
  for (std::string& key : schema->primary_key) key = by_property[key];
  for (std::string& key : plan->guard.key) key = by_property[key];
  if (schema->cursor.has_value()) schema->cursor = by_property[*schema->cursor];
}

}  // namespace

StreamNaming::StreamNaming(const postgres::Ledger* ledger, postgres::Transaction* transaction)
    : ledger_(ledger),
      transaction_(transaction),
      schema_(postgres::QuoteIdentifier(ledger->schema())) {}

absl::Status StreamNaming::NameTables(std::vector<StreamToName>* streams) {
  SYNCLINE_RETURN_IF_ERROR(ReadEntries(*streams));
  SYNCLINE_RETURN_IF_ERROR(NameNewStreams(streams));
  for (StreamToName& stream : *streams) {
    if (stream.request->exact_table.has_value()) {
      SetTable(*stream.request->exact_table, &stream);
    } else if (!stream.is_new) {
      SetTable(entries_.at(stream.request->name.stream).table, &stream);
    }
  }
  ClaimExactTables(streams);
  std::map<TableName, int> loads;
  for (const StreamToName& stream : *streams) ++loads[stream.record->plan.table];
  for (StreamToName& stream : *streams) {
    const TableName& table = stream.record->plan.table;
    if (stream.request->exact_table.has_value() && loads[table] > 1) {
      stream.fault = TableNamedTwice(table);
    }
  }
  return absl::OkStatus();
}

bool StreamNaming::IsGiven(const StreamRequest& request) const {
  const auto entry = entries_.find(request.name.stream);
  return entry != entries_.end() && !entry->second.table.name.empty();
}

absl::Status StreamNaming::ReadEntries(const std::vector<StreamToName>& streams) {
  std::vector<StreamDescriptor> named;
  for (const StreamToName& stream : streams) named.push_back(stream.request->name.stream);
  SYNCLINE_ASSIGN_OR_RETURN(entries_, postgres::ReadStreamTables(*transaction_, schema_, named));
  if (std::all_of(streams.begin(), streams.end(),
                  [&](const StreamToName& stream) { return IsGiven(*stream.request); })) {
    return absl::OkStatus();
  }
  SYNCLINE_RETURN_IF_ERROR(LockNames(streams));
  SYNCLINE_ASSIGN_OR_RETURN(entries_, postgres::ReadStreamTables(*transaction_, schema_, named));
  return absl::OkStatus();
}

absl::Status StreamNaming::LockNames(const std::vector<StreamToName>& streams) {
  std::set<std::string> locks;
  for (const StreamToName& stream : streams) {
    if (IsGiven(*stream.request)) continue;
    locks.insert(absl::StrCat("names/", stream.request->name.table.schema));
    if (stream.request->exact_table.has_value()) {
      locks.insert(absl::StrCat("names/", stream.request->exact_table->schema));
    }
  }
  return ledger_->LockAll(*transaction_, {locks.begin(), locks.end()});
}

absl::Status StreamNaming::AskFor(const std::vector<TableName>& tables) {
  if (tables.empty()) return absl::OkStatus();
  asked_.insert(tables.begin(), tables.end());
  return postgres::ReadTableFacts(*transaction_, schema_, tables, &facts_);
}

absl::Status StreamNaming::NameNewStreams(std::vector<StreamToName>* streams) {
  std::vector<StreamToName*> added;
  std::vector<StreamName> names;
  std::vector<TableName> unknown;
  for (StreamToName& stream : *streams) {
    if (IsGiven(*stream.request)) continue;
    if (stream.request->exact_table.has_value()) {
      unknown.push_back(*stream.request->exact_table);
      continue;
    }
    added.push_back(&stream);
    names.push_back(stream.request->name);
    unknown.push_back(stream.request->name.table);
  }
  std::vector<TableName> tables;
  // A name with a hash is asked for when it turns out to be wanted: until all answers are there.
  while (!unknown.empty()) {
    SYNCLINE_RETURN_IF_ERROR(AskFor(unknown));
    unknown.clear();
    tables = AssignTables(names, facts_);
    std::copy_if(tables.begin(), tables.end(), std::back_inserter(unknown),
                 [&](const TableName& table) { return asked_.count(table) == 0; });
  }
  for (size_t i = 0; i < added.size(); ++i) {
    added[i]->is_new = true;
    SetTable(tables[i], added[i]);
    const auto entry = entries_.find(names[i].stream);
    if (entry == entries_.end()) continue;
    const TableName shared{entry->second.table.schema, entry->second.split_from};
    added[i]->record->warnings.push_back(TableSplit(names[i].stream, shared, tables[i]));
  }
  return absl::OkStatus();
}

void StreamNaming::SetTable(const TableName& table, StreamToName* stream) const {
  stream->record->plan.table = table;
  stream->record->plan.temp_table = TempTableName(table);
}

void StreamNaming::ClaimExactTables(std::vector<StreamToName>* streams) const {
  std::set<TableName> claimed;
  for (const StreamToName& stream : *streams) {
    if (stream.is_new) claimed.insert(stream.record->plan.table);
  }
  for (StreamToName& stream : *streams) {
    if (!stream.request->exact_table.has_value() || IsGiven(*stream.request)) continue;
    const TableName& table = *stream.request->exact_table;
    if (facts_.owners.count(ScopeOf(table)) > 0) continue;
    stream.is_new = claimed.insert(table).second;
  }
}

absl::Status StreamNaming::NameColumns(const std::vector<StreamToName>& streams) {
  std::vector<TableName> tables;
  for (const StreamToName& stream : streams) {
    if (stream.fault.ok()) tables.push_back(stream.record->plan.table);
  }
  SYNCLINE_ASSIGN_OR_RETURN(auto facts,
                            postgres::ReadTableColumnFacts(*transaction_, schema_, tables));
  for (const StreamToName& stream : streams) {
    if (!stream.fault.ok()) continue;
    TableSchema& schema = stream.record->plan.schema;
    std::vector<std::string> properties;
    for (const ColumnSchema& column : schema.columns) properties.push_back(column.input_name);
    const postgres::TableColumnFacts& of_table = facts[stream.record->plan.table];
    ColumnAssignment assignment = AssignColumns(properties, of_table.known, of_table.existing);
    NameColumnsOf(assignment.columns, &stream.record->plan);
    changed_columns_[stream.record] = std::move(assignment.changed);
  }
  return absl::OkStatus();
}

void StreamNaming::Keep(const StreamToName& stream) {
  const TableName& table = stream.record->plan.table;
  if (stream.is_new) kept_tables_.emplace_back(stream.request->name.stream, table);
  for (KnownColumn& column : changed_columns_[stream.record]) {
    kept_columns_.emplace_back(table, std::move(column));
  }
}

absl::Status StreamNaming::Write() {
  SYNCLINE_RETURN_IF_ERROR(postgres::WriteStreamTables(*transaction_, schema_, kept_tables_));
  return postgres::WriteTableColumns(*transaction_, schema_, kept_columns_);
}

}  // namespace syncline::write

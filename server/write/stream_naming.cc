#include "server/write/stream_naming.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/model/names.h"
#include "server/postgres/ledger/stream_names.h"
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

class StreamNaming {
 public:
  StreamNaming(const postgres::Ledger* ledger, postgres::Transaction* transaction)
      : ledger_(ledger), transaction_(transaction), schema_(ledger->quoted_schema()) {}

  absl::Status Name(SyncDraft* draft);

 private:
  // A stream to be named.
  struct Stream {
    const StreamRequest* request = nullptr;
    StreamEntry* record = nullptr;  // gets its tables
    // The table is assigned to the stream permanently.
    bool is_new = false;
  };

  // Reads the streams' entries in the ledger. If one is missing, locks the names and reads again.
  absl::Status ReadEntries(const std::vector<Stream>& streams);
  absl::Status LockNames(const std::vector<Stream>& streams);
  // Names the streams without an entry, based on facts about the names that they may take.
  absl::Status NameNewStreams(std::vector<Stream>* streams);
  absl::Status ReadFacts(const std::vector<TableName>& tables);
  bool HasAssignedTable(const StreamRequest& request) const;
  void SetTable(const TableName& table, Stream* stream) const;
  // Assigns an exact table to a stream that has none, if no other stream has that table.
  void ClaimExactTables(std::vector<Stream>* streams) const;
  void WarnOfSplit(const Stream& stream) const;
  static absl::Status RefuseSharedTables(bool allow_partial, std::vector<Stream>* streams);
  absl::Status Write(const std::vector<Stream>& streams) const;

  const postgres::Ledger* const ledger_;
  postgres::Transaction* const transaction_;
  const std::string schema_;  // the ledger's, quoted
  std::map<StreamDescriptor, postgres::StreamTable> entries_;
  NameFacts facts_;
  std::set<TableName> known_tables_;  // the tables for which `facts_` are complete
};

absl::Status StreamNaming::Name(SyncDraft* draft) {
  std::vector<Stream> streams;
  for (size_t i = 0; i < draft->requests.size(); ++i) {
    StreamEntry& record = draft->sync.streams[i];
    if (record.state != StreamState::kFailed) streams.push_back({&draft->requests[i], &record});
  }
  SYNCLINE_RETURN_IF_ERROR(ReadEntries(streams));
  SYNCLINE_RETURN_IF_ERROR(NameNewStreams(&streams));
  for (Stream& stream : streams) {
    if (stream.request->exact_table.has_value()) {
      SetTable(*stream.request->exact_table, &stream);
    } else if (!stream.is_new) {
      SetTable(entries_.at(stream.request->name.stream).table, &stream);
    }
    WarnOfSplit(stream);
  }
  ClaimExactTables(&streams);
  SYNCLINE_RETURN_IF_ERROR(RefuseSharedTables(draft->allow_partial, &streams));
  return Write(streams);
}

absl::Status StreamNaming::RefuseSharedTables(bool allow_partial, std::vector<Stream>* streams) {
  std::map<TableName, int> loads;
  for (const Stream& stream : *streams) ++loads[stream.record->plan.table];
  for (Stream& stream : *streams) {
    const TableName& table = stream.record->plan.table;
    if (!stream.request->exact_table.has_value() || loads[table] == 1) continue;
    if (!allow_partial) return TableNamedTwice(table);
    stream.is_new = false;
    stream.record->state = StreamState::kFailed;
    stream.record->error = TableNamedTwice(table);
  }
  return absl::OkStatus();
}

bool StreamNaming::HasAssignedTable(const StreamRequest& request) const {
  const auto entry = entries_.find(request.name.stream);
  return entry != entries_.end() && !entry->second.table.name.empty();
}

absl::Status StreamNaming::ReadEntries(const std::vector<Stream>& streams) {
  std::vector<StreamDescriptor> named;
  named.reserve(streams.size());
  for (const Stream& stream : streams) named.push_back(stream.request->name.stream);
  SYNCLINE_ASSIGN_OR_RETURN(entries_, postgres::ReadStreamTables(*transaction_, schema_, named));
  if (std::all_of(streams.begin(), streams.end(),
                  [&](const Stream& stream) { return HasAssignedTable(*stream.request); })) {
    return absl::OkStatus();
  }
  SYNCLINE_RETURN_IF_ERROR(LockNames(streams));
  SYNCLINE_ASSIGN_OR_RETURN(entries_, postgres::ReadStreamTables(*transaction_, schema_, named));
  return absl::OkStatus();
}

absl::Status StreamNaming::LockNames(const std::vector<Stream>& streams) {
  // Locked in one order, so that two syncs cannot deadlock.
  std::set<std::string> locks;
  for (const Stream& stream : streams) {
    if (HasAssignedTable(*stream.request)) continue;
    locks.insert(absl::StrCat("names/", stream.request->name.table.schema));
    if (stream.request->exact_table.has_value()) {
      locks.insert(absl::StrCat("names/", stream.request->exact_table->schema));
    }
  }
  return ledger_->LockAll(*transaction_, {locks.begin(), locks.end()});
}

absl::Status StreamNaming::ReadFacts(const std::vector<TableName>& tables) {
  if (tables.empty()) return absl::OkStatus();
  known_tables_.insert(tables.begin(), tables.end());
  return postgres::ReadTableFacts(*transaction_, schema_, tables, &facts_);
}

absl::Status StreamNaming::NameNewStreams(std::vector<Stream>* streams) {
  std::vector<Stream*> added;
  std::vector<StreamName> names;
  std::vector<TableName> unknown;
  for (Stream& stream : *streams) {
    if (HasAssignedTable(*stream.request)) continue;
    if (stream.request->exact_table.has_value()) {
      unknown.push_back(*stream.request->exact_table);
      continue;
    }
    added.push_back(&stream);
    names.push_back(stream.request->name);
    unknown.push_back(stream.request->name.table);
  }
  std::vector<TableName> tables;
  // A name with a hash is looked up only when it turns out to be needed, so this repeats until the
  // facts about all names are known.
  while (!unknown.empty()) {
    SYNCLINE_RETURN_IF_ERROR(ReadFacts(unknown));
    unknown.clear();
    tables = AssignTables(names, facts_);
    std::copy_if(tables.begin(), tables.end(), std::back_inserter(unknown),
                 [&](const TableName& table) { return known_tables_.count(table) == 0; });
  }
  for (size_t i = 0; i < added.size(); ++i) {
    added[i]->is_new = true;
    SetTable(tables[i], added[i]);
  }
  return absl::OkStatus();
}

void StreamNaming::SetTable(const TableName& table, Stream* stream) const {
  stream->record->plan.table = table;
  stream->record->plan.temp_table = GetStagingTableName(table, ledger_->schema());
}

void StreamNaming::WarnOfSplit(const Stream& stream) const {
  const auto entry = entries_.find(stream.request->name.stream);
  if (entry == entries_.end() || entry->second.split_from.empty()) return;
  if (stream.request->exact_table.has_value()) return;
  const TableName shared{entry->second.table.schema, entry->second.split_from};
  stream.record->warnings.push_back(TableSplit(entry->first, shared, stream.record->plan.table));
}

void StreamNaming::ClaimExactTables(std::vector<Stream>* streams) const {
  std::set<TableName> claimed;
  for (const Stream& stream : *streams) {
    if (stream.is_new) claimed.insert(stream.record->plan.table);
  }
  for (Stream& stream : *streams) {
    if (!stream.request->exact_table.has_value() || HasAssignedTable(*stream.request)) continue;
    const TableName& table = *stream.request->exact_table;
    if (facts_.owners.count(MakeScopedName(table)) > 0) continue;
    stream.is_new = claimed.insert(table).second;
  }
}

absl::Status StreamNaming::Write(const std::vector<Stream>& streams) const {
  std::vector<std::pair<StreamDescriptor, TableName>> named;
  for (const Stream& stream : streams) {
    if (stream.is_new) {
      named.emplace_back(stream.request->name.stream, stream.record->plan.table);
    }
  }
  return postgres::WriteStreamTables(*transaction_, schema_, named);
}

}  // namespace

absl::Status NameTables(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                        SyncDraft* draft) {
  return StreamNaming(&ledger, &transaction).Name(draft);
}

}  // namespace syncline::write

// StreamNaming: gives the streams of a new sync their tables and columns, by what the ledger and
// the catalog say, and notes in the ledger what is new.
//
// Used by one thread, within the transaction that claims the tables. New streams are named under
// the lock of their schema's names, which ends with the transaction: two syncs that start at once
// never give one table to two streams.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/model/plan.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/stream_names.h"
#include "server/postgres/transaction.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

// One stream that is to be named.
struct StreamToName {
  const StreamRequest* request = nullptr;
  StreamRecord* record = nullptr;  // gets its tables, then its columns
  // Why the stream cannot have the table that it asks for; nothing is known of it then.
  absl::Status fault;
  // The table becomes the stream's for good when the sync starts.
  bool is_new = false;
};

class StreamNaming {
 public:
  // Both outlive the naming.
  StreamNaming(const postgres::Ledger* ledger, postgres::Transaction* transaction);

  // Names the tables of `streams`, in the plans and their warnings; takes no lock on a table.
  // Faults: INVALID_ARGUMENT INVALID_REQUEST for an exact table that another stream of the sync
  // loads.
  absl::Status NameTables(std::vector<StreamToName>* streams);

  // Names the columns of those without a fault, keys and cursors included. Under the tables' locks.
  absl::Status NameColumns(const std::vector<StreamToName>& streams);

  // Notes the names of `stream`, which starts.
  void Keep(const StreamToName& stream);
  // Writes what was kept.
  absl::Status Write();

 private:
  // The entries of the streams, read again under the locks when one has none.
  absl::Status ReadEntries(const std::vector<StreamToName>& streams);
  absl::Status LockNames(const std::vector<StreamToName>& streams);
  // Names those without an entry, by what is known of the names that they may take.
  absl::Status NameNewStreams(std::vector<StreamToName>* streams);
  absl::Status AskFor(const std::vector<TableName>& tables);
  bool IsGiven(const StreamRequest& request) const;
  void SetTable(const TableName& table, StreamToName* stream) const;
  // Gives an exact table to a stream that has none, when no other stream has the table.
  void ClaimExactTables(std::vector<StreamToName>* streams) const;

  const postgres::Ledger* const ledger_;
  postgres::Transaction* const transaction_;
  const std::string schema_;  // the ledger's, quoted
  std::map<StreamDescriptor, postgres::StreamTable> entries_;
  NameFacts facts_;
  std::set<TableName> asked_;  // what `facts_` are complete for
  std::map<const StreamRecord*, std::vector<KnownColumn>> changed_columns_;
  std::vector<std::pair<StreamDescriptor, TableName>> kept_tables_;
  std::vector<std::pair<TableName, KnownColumn>> kept_columns_;
};

}  // namespace syncline::write

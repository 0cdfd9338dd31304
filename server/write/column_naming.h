// ColumnNaming: gives the properties of a new sync's streams their columns, by what the ledger and
// the catalog say, and notes in the ledger what is new.
//
// Used by one thread, within the transaction that claims the tables and under their locks: whose a
// column is, is decided by what the table has when the stream starts.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/model/plan.h"
#include "server/model/table_columns.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::write {

class ColumnNaming {
 public:
  // Both outlive the naming.
  ColumnNaming(const postgres::Ledger* ledger, postgres::Transaction* transaction);

  // Names the columns in the plans of `streams`, keys and cursors included.
  absl::Status Name(const std::vector<StreamRecord*>& streams);

  // Writes the names of those of `streams` that are kOpen.
  absl::Status Write(const std::vector<StreamRecord*>& streams);

 private:
  postgres::Transaction* const transaction_;
  const std::string schema_;  // the ledger's, quoted
  std::map<const StreamRecord*, std::vector<KnownColumn>> changed_;
};

}  // namespace syncline::write

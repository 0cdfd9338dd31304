// ColumnNaming: assigns columns to the properties of a new sync's streams, based on the ledger and
// the catalog, and writes new assignments to the ledger.
//
// Used by one thread, in the transaction that claims the tables and under their locks, because the
// ownership of a column depends on what the table has when the stream starts.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/model/sync_record.h"
#include "server/model/table_columns.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::write {

class ColumnNaming {
 public:
  // Both must outlive this object.
  ColumnNaming(const postgres::Ledger* ledger, postgres::Transaction* transaction);

  // Sets the column names in the plans of `streams`, including those of keys, cursors and
  // deleted_at_column.
  absl::Status Name(const std::vector<StreamEntry*>& streams);

  // Writes the names of those of `streams` that are kOpen to the ledger.
  absl::Status Write(const std::vector<StreamEntry*>& streams);

 private:
  postgres::Transaction* const transaction_;
  const std::string schema_;  // the ledger's, quoted
  std::map<const StreamEntry*, std::vector<KnownColumn>> changed_;
};

}  // namespace syncline::write

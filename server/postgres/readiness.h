// Readiness: whether the database can be reached and the ledger's tables stand.
//
// Used by one thread at a time. Logs when the answer changes, not every time it is asked.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/postgres/database.h"

namespace syncline::postgres {

class Readiness {
 public:
  // `database` outlives it.
  Readiness(Database* database, absl::string_view ledger_schema)
      : database_(database), ledger_schema_(ledger_schema) {}

  // Makes the ledger's tables if that has not been done yet, else pings. Blocks for as long as
  // connecting may take.
  bool Check();

 private:
  Database* const database_;
  const std::string ledger_schema_;
  bool migrated_ = false;
  std::optional<bool> last_;
};

}  // namespace syncline::postgres

// Readiness: whether the database can be reached and its ledger has the right version, whichever
// role created it.
//
// Check is for one thread at a time; last() and prepared() are safe from any thread. Changes of the
// result are logged, not every check: `database_unreachable`, or `database_unusable` if the
// database answers and refuses (a missing right, a role that may not connect, a ledger that is too
// new).
#pragma once

#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/postgres/connection/database.h"

namespace syncline::postgres {

class Readiness {
 public:
  // `database` must outlive it.
  Readiness(Database* database, absl::string_view ledger_schema)
      : database_(database), ledger_schema_(ledger_schema) {}

  // Creates or migrates the ledger if it is missing or older; otherwise checks whether a newer
  // server has made them too new for this one. Returns whether the database is ready. Blocks for as
  // long as connecting may take.
  bool Check();

  // Returns the result of the latest Check. Errors: UNAVAILABLE LEDGER_NOT_READY before the first
  // one; those of MigrateLedger and CheckLedger.
  absl::Status last() const;

  // Returns OK once the ledger's tables exist, whether or not the database can be reached now.
  // Until then, and if they are too new, returns last().
  absl::Status prepared() const;

 private:
  Database* const database_;
  const std::string ledger_schema_;
  mutable Mutex mutex_;
  bool migrated_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres

// Readiness: whether the database can be reached and the ledger's tables stand.
//
// Check is used by one thread at a time, last() by any. Logs when the answer changes, not every
// time it is asked: `database_unreachable`, or `database_unusable` when the database answers and
// refuses (a right is missing, the role is not let in, the ledger is too new).
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
  // `database` outlives it.
  Readiness(Database* database, absl::string_view ledger_schema)
      : database_(database), ledger_schema_(ledger_schema) {}

  // Makes the ledger's tables if that has not been done yet, else looks whether a newer server has
  // made them too new for this one. Blocks for as long as connecting may take.
  bool Check();

  // What Check found last. Errors: UNAVAILABLE LEDGER_NOT_READY before the first; those of
  // MigrateLedger and CheckLedger.
  absl::Status last() const;

  // OK once the ledger's tables stand, whether the database can be reached or not; until then, and
  // when they are too new, last().
  absl::Status prepared() const;

 private:
  Database* const database_;
  const std::string ledger_schema_;
  mutable Mutex mutex_;
  bool migrated_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres

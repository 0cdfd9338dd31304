// DDL statements that recreate one object on a table, with the name of the object for errors.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/reasons.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

struct DdlStep {
  std::string subject;  // the object that the statement is about, as pg_describe_object names it
  std::string sql;      // one or more statements with all names qualified and quoted
  std::string reason = reason::kTargetIncompatible;  // of the error if the statement fails
};

// Returns FAILED_PRECONDITION with `reason` and `subject`. `why` follows the subject in the
// message.
absl::Status MakeRefusal(absl::string_view reason, absl::string_view subject,
                         absl::string_view why);

// Returns true for an error of PostgreSQL about an object or stored rows, which would occur again
// if the statement were repeated.
bool IsRefused(const absl::Status& status);

// Converts `status` of a statement about `subject`: to FAILED_PRECONDITION with `reason` if
// IsRefused; otherwise (locks, permissions, connection) the code is kept and the subject is added
// as context.
absl::Status ToRefusal(const absl::Status& status, absl::string_view reason,
                       absl::string_view subject);

// Runs the steps in one round trip. If the database refuses one, they run again one by one, so that
// the error names the subject. The transaction is aborted then.
absl::Status RunSteps(Transaction& transaction, const std::vector<DdlStep>& steps);

}  // namespace syncline::postgres

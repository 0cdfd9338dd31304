// A statement of DDL that carries one object over, with the name that an error about it must say.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

inline constexpr char kDependentObjects[] = "DEPENDENT_OBJECTS";
inline constexpr char kTargetIncompatible[] = "TARGET_INCOMPATIBLE";

struct DdlStep {
  std::string subject;  // what the statement is about, as pg_describe_object says it
  std::string sql;      // one or more statements, every name qualified and quoted
  std::string reason = kTargetIncompatible;  // of the Refusal when the object does not bear it
};

// FAILED_PRECONDITION with `reason`, about `subject`.
absl::Status Refusal(absl::string_view reason, absl::string_view subject, absl::string_view why);

// True for an error of PostgreSQL against an object or stored rows, which running it again meets
// again.
bool IsRefused(const absl::Status& status);

// `status`, got from a statement that carries `subject` over: when IsRefused a Refusal with
// `reason`, else (locks, permissions, connection) its code stays and the subject becomes context.
absl::Status AsRefusal(const absl::Status& status, absl::string_view reason,
                       absl::string_view subject);

// Runs the steps in one round trip. When the database refuses one, they run again one by one, so
// that the error names its subject; the transaction is aborted then.
absl::Status RunSteps(Transaction& transaction, const std::vector<DdlStep>& steps);

// Empties the search path until the end of the transaction and returns what it was: under an empty
// one PostgreSQL prints definitions with every name qualified.
absl::StatusOr<std::string> ClearSearchPath(Transaction& transaction);
absl::Status SetSearchPath(Transaction& transaction, absl::string_view search_path);

}  // namespace syncline::postgres

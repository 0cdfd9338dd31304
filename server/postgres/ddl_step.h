// A statement of DDL that carries one object over, with the name that an error about it must say.
//
// Stateless: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/postgres/transaction.h"

namespace syncline::postgres {

inline constexpr char kDependentObjects[] = "DEPENDENT_OBJECTS";
inline constexpr char kTargetIncompatible[] = "TARGET_INCOMPATIBLE";

struct DdlStep {
  std::string subject;  // what the statement is about, as pg_describe_object says it
  std::string sql;      // one or more statements, every name qualified and quoted
};

// FAILED_PRECONDITION with `reason`, about `subject`.
absl::Status Refusal(absl::string_view reason, absl::string_view subject, absl::string_view why);

// `status`, got from a statement that carries `subject` over: what PostgreSQL says against the
// object or the stored rows becomes a Refusal with `reason`; all else (locks, permissions,
// connection) keeps its code and gets the subject as context.
absl::Status AsRefusal(const absl::Status& status, absl::string_view reason,
                       absl::string_view subject);

// True for an error of PostgreSQL against an object or stored rows, which running it again meets
// again.
bool IsRefused(const absl::Status& status);

// Runs the steps one by one: a round trip each, and an error names the step's subject (AsRefusal
// with `reason`).
absl::Status RunSteps(Transaction& transaction, const std::vector<DdlStep>& steps,
                      absl::string_view reason);

// Runs all steps in one round trip: an error does not say which one failed.
absl::Status RunBatch(Transaction& transaction, const std::vector<DdlStep>& steps);

// Empties the search path until the end of the transaction and returns what it was: under an empty
// one PostgreSQL prints definitions with every name qualified.
absl::StatusOr<std::string> ClearSearchPath(Transaction& transaction);
absl::Status SetSearchPath(Transaction& transaction, absl::string_view search_path);

}  // namespace syncline::postgres

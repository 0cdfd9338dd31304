// The setting lock_timeout, which bounds each wait of a statement for a lock.
//
// Stateless: safe from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace syncline::postgres {

// Returns the statement that sets the timeout until the transaction ends. At least 1 ms, because 0
// would remove the bound.
std::string SetLockTimeoutSql(absl::Duration timeout);

// Returns the statement that sets the timeout of the session, also at least 1 ms.
std::string SetSessionLockTimeoutSql(absl::Duration timeout);

// Returns the statements that begin a transaction with the timeout, in one message.
std::string BeginWithLockTimeoutSql(absl::Duration timeout);

// Returns the statement that sets the timeout until the transaction ends, unless the role or the
// database has one of its own.
std::string SetDefaultLockTimeoutSql(absl::Duration timeout);

// Returns whether a statement failed because a lock was not available in time.
bool IsLockTimeout(const absl::Status& status);

}  // namespace syncline::postgres

// Advisory locks by name, which transactions of all servers share.
//
// All names share one space with the database's other advisory locks; a hash collision only makes
// unrelated transactions wait. Statements in a running transaction. Stateless: safe from any
// thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/validation.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Acquires the lock of `key` until the transaction ends.
absl::Status AcquireLock(Transaction& transaction, absl::string_view key);
// Acquires the locks of several keys, one after the other, in one statement.
absl::Status AcquireLocks(Transaction& transaction, const std::vector<std::string>& keys);
// Acquires the lock if no other transaction has it, and returns whether it did. Does not wait.
absl::StatusOr<bool> TryAcquireLock(Transaction& transaction, absl::string_view key);

// Returns the sessions that hold one of the locks, oldest transaction first. `object` is the
// part of the key after its kind ("table/").
absl::StatusOr<std::vector<Blocker>> FindLockHolders(Transaction& transaction,
                                                     const std::vector<std::string>& keys);

}  // namespace syncline::postgres

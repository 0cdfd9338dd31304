// Commits that PostgreSQL reports although a synchronous standby has not confirmed them.
//
// If the wait for the standby is cancelled (by an administrator or statement_timeout), COMMIT
// succeeds with a WARNING, whose text depends on the language of the server. The transaction is
// visible but not durable. A later commit that the standby confirms makes it durable, because the
// standby receives the write-ahead log in order. So every COMMIT with a notice is followed by
// another one.
#pragma once

#include "absl/status/status.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Writes to the write-ahead log and changes nothing. Outside of a transaction its commit waits for
// the standby as any other.
inline constexpr char kConfirmDurableSql[] =
    "SELECT pg_catalog.pg_logical_emit_message(true, 'syncline', '')";

// Makes the COMMIT of `transaction` wait for the standby although it only reads. So everything that
// it has read is durable when it has committed, and may be acknowledged.
inline absl::Status MakeReadsDurable(Transaction& transaction) {
  return transaction.Query(kConfirmDurableSql).status();
}

}  // namespace syncline::postgres

// Checkpoints that cover several writers of a sync: stored once, by the call that got them, and
// committed when the durable offset of every writer has reached its position, whichever call or
// server committed last.
//
// They get their place among the sync's events when they are read, under the lock of the sync's
// row. Holds the text of the statements; immutable, safe from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/model/plan.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

class GlobalCheckpoints {
 public:
  explicit GlobalCheckpoints(absl::string_view ledger_schema);

  // Stores `checkpoint`, which has positions, in a data transaction of the writer; again: nothing.
  // Positions of streams that the sync does not have are left out: they were refused before.
  absl::Status Store(Connection& connection, const WriterClaim& claim,
                     const PendingCheckpoint& checkpoint) const;

  // Gives those that have become committed their sequence numbers.
  absl::Status Number(Transaction& transaction, int64_t sync_no) const;

 private:
  const std::string store_sql_;
  const std::string due_sql_;
  const std::string lock_sql_;
  const std::string number_sql_;
};

}  // namespace syncline::postgres

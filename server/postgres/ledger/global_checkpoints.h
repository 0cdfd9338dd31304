// Checkpoints that cover several writers of a sync. Each is stored once, by the call that received
// it, and is committed when the durable offset of every writer has reached the checkpoint's offset
// for it, whichever call or server commits last.
//
// They get their sequence numbers among the sync's events when they are read, under the lock of the
// sync's row. Holds the text of the statements. Immutable: safe from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "server/model/checkpoint.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

class GlobalCheckpoints {
 public:
  // `quoted_schema` is the ledger's schema, quoted for SQL.
  explicit GlobalCheckpoints(absl::string_view quoted_schema);

  // Stores `checkpoint`, which has positions, in a data transaction of the writer. Storing it again
  // has no effect. Positions of streams that the sync does not have are omitted; they were refused
  // before.
  absl::Status Store(Connection& connection, const WriterClaim& claim,
                     const PendingCheckpoint& checkpoint) const;

  // Assigns sequence numbers to the checkpoints that have become committed.
  absl::Status Number(Transaction& transaction, int64_t sync_no) const;

 private:
  const std::string store_sql_;
  const std::string due_sql_;
  const std::string lock_sql_;
  const std::string number_sql_;
};

}  // namespace syncline::postgres

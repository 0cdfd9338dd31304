// Checkpoints that cover several writers of a sync. Each is stored once, by the call that received
// it, and is committed when the durable offset of every writer has reached the checkpoint's offset
// for it, whichever call or server commits last.
//
// They get their sequence numbers like other checkpoints (checkpoint_numbers.h). Holds the text of
// the statement. Immutable: safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/checkpoint.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection.h"

namespace syncline::postgres {

class GlobalCheckpoints {
 public:
  // `quoted_schema` is the ledger's schema, quoted for SQL.
  explicit GlobalCheckpoints(absl::string_view quoted_schema);

  // Stores `checkpoints`, which have positions, in a data transaction of the writer. Storing one
  // again has no effect. Positions of streams that the sync does not have are omitted; they were
  // refused before.
  absl::Status Store(Connection& connection, const WriterClaim& claim,
                     const std::vector<const PendingCheckpoint*>& checkpoints) const;

 private:
  const std::string store_sql_;
};

}  // namespace syncline::postgres

// What a data transaction does to the ledger: its last statements, on the lane's own connection.
//
// One UPDATE of one row moves the position WHERE epoch = ours and none of the records is committed;
// lanes that commit at once are serialised by that row, and READ COMMITTED re-evaluates condition
// and sum of ranges against the row as it then is. No row touched means that the writer was taken
// over, or that a COMMIT whose answer was lost came to its end after all: the caller rolls back.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/offset_ranges.h"
#include "server/model/plan.h"
#include "server/postgres/connection.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// What one data transaction adds.
struct DataCommit {
  OffsetRanges offsets;  // the records in it, rejected ones included
  int64_t rows = 0;
  int64_t bytes = 0;    // of record payload
  bool closes = false;  // the writer is not open any more after it
  std::vector<RejectedRecord> rejected;
};

// Holds the prepared text of the statements; immutable, safe from any thread.
class DataCommitter {
 public:
  explicit DataCommitter(const Ledger& ledger);

  // Moves the position; returns the durable offset as this transaction makes it.
  // Errors: ABORTED FENCED, also when some of the records are committed; those of
  // Connection::Query.
  absl::StatusOr<int64_t> MovePosition(Connection& connection, const WriterClaim& claim,
                                       const DataCommit& commit) const;

  // Writes the checkpoints, all at or below the durable offset, and notifies watchers.
  absl::Status WriteCheckpoints(Connection& connection, const WriterClaim& claim,
                                const std::vector<PendingCheckpoint>& checkpoints) const;

  // Writes the rejected records; before MovePosition, which must come last of what can be refused.
  absl::Status WriteRejected(Connection& connection, const WriterClaim& claim,
                             const std::vector<RejectedRecord>& rejected) const;

  // After a COMMIT whose answer was lost: the durable offset when `offsets` are committed under our
  // epoch, -1 when they are not. Errors: ABORTED FENCED when the epoch has moved and the offsets
  // are not committed.
  absl::StatusOr<int64_t> FindCommit(Connection& connection, const WriterClaim& claim,
                                     const OffsetRanges& offsets) const;

 private:
  const std::string move_sql_;
  const std::string number_sql_;
  const std::string checkpoint_sql_;
  const std::string notify_sql_;
  const std::string rejected_sql_;
  const std::string find_sql_;
  const std::string channel_;
};

}  // namespace syncline::postgres

// What a data transaction does to the ledger: its last statements, on the lane's own connection.
//
// The first of them is the fence: one UPDATE of one row moves the position WHERE epoch = ours and
// none of the records is committed. Lanes that commit at once are serialised by that row, and READ
// COMMITTED re-evaluates condition and sum of ranges against the row as it then is. No row touched
// means that the writer was taken over, or that a COMMIT whose answer was lost came to its end
// after all: the caller rolls back. Nothing of the ledger is written or locked before it, so that
// no other statement of a writer that was taken over can fail instead of it; rejected records,
// counts and checkpoints follow. When anything fails, the caller rolls back and asks Look, whose
// answer goes before the error.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/offset_ranges.h"
#include "server/model/plan.h"
#include "server/model/value_counts.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/ledger/global_checkpoints.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// What one data transaction adds.
struct DataCommit {
  OffsetRanges offsets;  // the records in it, rejected ones included
  int64_t rows = 0;
  int64_t bytes = 0;    // of record payload
  bool closes = false;  // the writer is not open any more after it
  std::vector<RejectedRecord> rejected;
  FieldCounts fields;  // what coercion did to the values of the rows
};

// A writer's row as a claim finds it.
struct WriterStanding {
  // OK while the claim holds. ABORTED FENCED when the epoch has moved on, FAILED_PRECONDITION
  // SYNC_CANCELLED when it did because of a cancellation, ABORTED CLAIM_LOST when it went back.
  absl::Status claim;
  bool committed = false;  // all the offsets that were asked for, whichever call committed them
  int64_t durable_offset = 0;
};

// Holds the prepared text of the statements; immutable, safe from any thread.
class DataCommitter {
 public:
  explicit DataCommitter(const Ledger& ledger);

  // Moves the position: the first statement after the COPY. Returns the durable offset as this
  // transaction makes it. Errors: ABORTED FENCED, also when some of the records are committed;
  // those of Connection::Query.
  absl::StatusOr<int64_t> MovePosition(Connection& connection, const WriterClaim& claim,
                                       const DataCommit& commit) const;

  // Writes the checkpoints, all at or below the durable offset, and notifies watchers. One that
  // covers several writers is stored and announced later, when all of them are there. The last
  // statement, because it locks the sync's row.
  absl::Status WriteCheckpoints(Connection& connection, const WriterClaim& claim,
                                const std::vector<PendingCheckpoint>& checkpoints) const;

  // Writes the rejected records; after MovePosition. Of the stream's, `max_bytes` are kept whole:
  // beyond, `raw` is left out. (Writers that commit at once may pass it by what each of them adds.)
  absl::Status WriteRejected(Connection& connection, const WriterClaim& claim,
                             const std::vector<RejectedRecord>& rejected, int64_t max_bytes) const;

  // Adds to the counts by field; after MovePosition, which has their sums.
  absl::Status WriteCounts(Connection& connection, const WriterClaim& claim,
                           const FieldCounts& fields) const;

  // Where the writer stands now, after a transaction that failed or a COMMIT whose answer was lost.
  absl::StatusOr<WriterStanding> Look(Connection& connection, const WriterClaim& claim,
                                      const OffsetRanges& offsets) const;

 private:
  // Those of this writer alone.
  absl::Status NumberAndWrite(Connection& connection, const WriterClaim& claim,
                              const std::vector<const PendingCheckpoint*>& checkpoints) const;

  const GlobalCheckpoints globals_;
  const std::string move_sql_;
  const std::string number_sql_;
  const std::string checkpoint_sql_;
  const std::string notify_sql_;
  const std::string rejected_sql_;
  const std::string rejected_bytes_sql_;
  const std::string add_rejected_bytes_sql_;
  const std::string counts_sql_;
  const std::string look_sql_;
  const std::string channel_;
};

}  // namespace syncline::postgres

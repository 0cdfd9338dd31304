// The statements by which a data transaction updates the ledger: its last ones, on the lane's own
// connection.
//
// The first of them is the fence: one UPDATE of the writer's row advances the durable offset WHERE
// epoch and claim token are ours and none of the records is committed. Lanes that commit at the
// same time are serialized by that row, and READ COMMITTED evaluates the condition and the sum of
// ranges again on the row's current version. If no row is updated, the writer was taken over, or a
// COMMIT whose reply was lost has succeeded after all; the caller rolls back. Nothing of the ledger
// is written or locked before the fence, so that no other statement of a writer that was taken over
// can fail in its place. Rejected records, counts and checkpoints follow. If a statement fails, the
// caller rolls back and calls Look, whose result takes precedence over the error.
//
// The only rows that a data transaction locks are those of its own writer, or of the writers whose
// small blocks it commits together: no other writer, stream or sync waits for its COMMIT.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/model/checkpoint.h"
#include "server/model/offset_ranges.h"
#include "server/model/rejected_record.h"
#include "server/model/value_counts.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/ledger/global_checkpoints.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// What one data transaction adds to the ledger.
struct DataCommit {
  OffsetRanges offsets;  // its records, including rejected ones
  int64_t rows = 0;
  int64_t bytes = 0;    // of record payload
  bool closes = false;  // the commit also releases the writer
  std::vector<RejectedRecord> rejected;
  FieldCounts fields;  // how coercion changed the values of the rows
};

// The state of a writer's row, seen by a claim of the writer.
struct WriterRowState {
  // OK while the claim holds. ABORTED FENCED if the epoch has advanced or another claim has it,
  // FAILED_PRECONDITION SYNC_CANCELLED if a cancellation advanced it, ABORTED CLAIM_LOST if it went
  // back or the row is missing.
  absl::Status claim;
  bool committed = false;  // all requested offsets are committed, by whichever call
  int64_t durable_offset = 0;
};

// Holds the text of the statements. Immutable: safe from any thread.
class DataCommitter {
 public:
  explicit DataCommitter(const Ledger& ledger);

  // Advances the durable offset. Must be the first statement after the COPY. Returns the durable
  // offset that the commit establishes. Errors: ABORTED FENCED, also if some of the records are
  // already committed; those of Connection::Query.
  absl::StatusOr<int64_t> AdvanceOffset(Connection& connection, const WriterClaim& claim,
                                        const DataCommit& commit) const;

  // Writes the checkpoints, which must not exceed the durable offset, in the order of their offsets
  // and with one statement for any number of them. A checkpoint that covers several writers is
  // stored now; it is committed when all of its offsets are durable. Checkpoints get their sequence
  // numbers after the commit (checkpoint_numbers.h). Call it after AdvanceOffset.
  absl::Status WriteCheckpoints(Connection& connection, const WriterClaim& claim,
                                const std::vector<PendingCheckpoint>& checkpoints) const;

  // Writes the rejected records; call it after AdvanceOffset. Per stream, up to `max_bytes` of
  // rejected records are stored; beyond that, `raw` is omitted. Of a stream's records beyond
  // kMaxListedRejections, only one row per commit and reason is written, which states how many it
  // stands for. Writers that commit at the same time may exceed the limits by what each of them
  // adds.
  absl::Status WriteRejected(Connection& connection, const WriterClaim& claim,
                             const std::vector<RejectedRecord>& rejected, int64_t max_bytes) const;

  // Adds to the counts per field; call it after AdvanceOffset, which writes their sums.
  absl::Status WriteCounts(Connection& connection, const WriterClaim& claim,
                           const FieldCounts& fields) const;

  // Returns the state of the writer's row after a transaction that failed or a COMMIT whose reply
  // was lost.
  absl::StatusOr<WriterRowState> Look(Connection& connection, const WriterClaim& claim,
                                      const OffsetRanges& offsets) const;

  // Returns OK if no other transaction has locked the writer's row. For a transaction that is
  // repeated because it waited for that row too long. Errors: ABORTED LOCK_NOT_AVAILABLE; those of
  // Connection::Query.
  absl::Status CheckUnlocked(Connection& connection, const WriterClaim& claim) const;

  // Returns the ledger's schema.
  const std::string& quoted_schema() const { return quoted_schema_; }

 private:
  // Writes the checkpoints that cover this writer only.
  absl::Status WriteOwn(Connection& connection, const WriterClaim& claim,
                        const std::vector<const PendingCheckpoint*>& checkpoints) const;
  // Writes one row per record. `room` is how many bytes of raw records may still be stored.
  absl::Status WriteRejectedRows(Connection& connection, const WriterClaim& claim,
                                 absl::Span<const RejectedRecord> rejected, int64_t* room) const;

  const std::string quoted_schema_;
  const GlobalCheckpoints globals_;
  const std::string advance_sql_;
  const std::string checkpoints_sql_;
  const std::string rejected_sql_;
  const std::string rejected_totals_sql_;
  const std::string add_rejected_bytes_sql_;
  const std::string counts_sql_;
  const std::string look_sql_;
  const std::string unlocked_sql_;
};

}  // namespace syncline::postgres

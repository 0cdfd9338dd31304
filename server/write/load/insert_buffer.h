// InsertBuffer: accumulates the encoded rows of one lane and flushes them as one transaction.
//
// The transaction is BEGIN, COPY BINARY, the fence, the rest of the ledger, COMMIT
// (postgres/ledger/data_commit.h): rows and position become durable together or not at all. It is
// short: the connection is held for the flush only (decision 0010). Rows stay in memory until the
// COMMIT is known, so a flush that meets a broken connection is repeated; the ledger tells whether
// a COMMIT whose answer was lost happened. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/byte_buffer.h"
#include "base/free_list.h"
#include "server/model/offset_ranges.h"
#include "server/model/plan.h"
#include "server/model/raw_id.h"
#include "server/model/value.h"
#include "server/model/value_counts.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/copy/row_encoder.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/write/load/refused_rows.h"

namespace syncline::write {

// Rows are kept in blocks of this size, so that a growing buffer is never copied. A row that is
// larger makes its block grow.
inline constexpr size_t kBlockBytes = 256 << 10;

// What buffers of one server share. All pointers outlive the buffers.
struct LoadContext {
  postgres::ConnectionPool* connections = nullptr;
  const postgres::DataCommitter* committer = nullptr;
  // Blocks of earlier flushes.
  FreeBlocks* blocks = nullptr;
  // How long a flush is repeated while the database cannot be reached, before its call fails.
  absl::Duration retry_for = absl::Seconds(30);
  // Bytes of rejected records that are kept per stream; beyond, only reason and offset are.
  int64_t max_rejected_bytes = int64_t{64} << 20;
  // Waits for a while between repeats; false when the server is stopping and no repeat is wanted.
  std::function<bool(absl::Duration)> wait;
};

struct FlushResult {
  int64_t durable_offset = 0;
  int64_t rows = 0;
  int64_t rejected = 0;
  int64_t encoded_bytes = 0;
  // Of the rows: what coercion did to their values.
  ValueCounts values;
  // Of the rejected: those that the database refused, by reason.
  std::map<std::string, int64_t> refused;
  absl::Duration took;
  // Of the checkpoints given, those that this flush made durable.
  std::vector<PendingCheckpoint> checkpoints;
  bool closed = false;  // as asked for
};

class InsertBuffer {
 public:
  // `sync_id` goes into the raw ids. `context` outlives the buffer.
  InsertBuffer(const LoadContext* context, const StreamPlan& plan, absl::string_view sync_id,
               WriterClaim claim);
  ~InsertBuffer();

  // Adds a row. No I/O.
  void Append(const RecordMeta& meta, absl::Span<const Value> values);
  // Adds a record that could not be loaded. No I/O.
  void Reject(RejectedRecord record);
  // Adds what coercion did to the values of the rows, by field. A row that the database refuses
  // afterwards stays counted.
  void Count(const FieldCounts& fields);
  // Notes that the records of `range` are in the buffer, with the bytes of payload they came in.
  void Cover(OffsetRange range, int64_t payload_bytes);

  // Bytes held.
  int64_t bytes() const { return bytes_; }
  int64_t rows() const { return rows_; }
  bool empty() const { return commit_.offsets.empty(); }

  // Commits what is held, and those of `checkpoints` that the position then reaches; with `closes`
  // the writer is not open any more from then on. Blocks. An empty buffer with checkpoints is
  // flushed too. Rows that the database refuses are rejected, and the others committed. On an error
  // everything is still held. Errors: ABORTED FENCED and FAILED_PRECONDITION SYNC_CANCELLED when
  // the claim does not hold any more, whatever else went wrong; those of the database.
  absl::StatusOr<FlushResult> Flush(const std::vector<PendingCheckpoint>& checkpoints,
                                    bool closes = false);

 private:
  // `commit_unknown`: an earlier try lost the answer to its COMMIT, so that its rows may be there
  // or may yet come.
  // `smaller`: the database refused rows, which the buffer has rejected since; try again.
  absl::StatusOr<FlushResult> TryFlush(const std::vector<PendingCheckpoint>& checkpoints,
                                       bool* commit_unknown, bool* smaller);
  // A result that counts what the buffer holds, its durable offset not set.
  FlushResult Held() const;
  // Rejects the rows that `error`, which ended a COPY, is about. Returns `error` when there are
  // none.
  absl::Status RejectRefused(postgres::Connection& connection, const absl::Status& error);
  // Takes the rows out of the blocks and rejects their records. False, and nothing is changed, when
  // one of them is not there.
  bool TakeOut(const std::vector<RefusedRow>& refused);
  // What follows the COPY, or BEGIN, up to COMMIT; notes in `result` what it would make durable.
  absl::Status WriteLedger(postgres::Connection& connection,
                           const std::vector<PendingCheckpoint>& checkpoints, FlushResult* result);
  // After a COMMIT whose answer was lost: the result when it happened, none when it did not.
  absl::StatusOr<std::optional<FlushResult>> FindCommit(postgres::Connection& connection) const;
  // What to answer after a transaction that failed with `status` and was rolled back: that the
  // writer was taken over, when it was, whatever `status` says.
  absl::StatusOr<FlushResult> AfterFailure(postgres::Connection& connection,
                                           const absl::Status& status, bool commit_unknown) const;
  absl::Status CopyRows(postgres::Connection& connection);
  absl::Status SendBinary(postgres::Connection& connection);
  absl::Status SendText(postgres::Connection& connection);
  // The block for the next row.
  ByteBuffer& OpenBlock();
  void Clear();
  void GiveBlocksBack();

  const LoadContext* const context_;
  const postgres::CopyFormat format_;
  const std::string copy_sql_;
  const std::string relation_;
  const RefusedRows refused_rows_;
  const RawIdGenerator raw_ids_;
  const postgres::RowEncoder encoder_;
  const WriterClaim claim_;

  std::vector<ByteBuffer> blocks_;
  // The latest flush had whole blocks: the next is likely to have them, too.
  bool fills_blocks_ = false;
  int64_t bytes_ = 0;
  int64_t rows_ = 0;
  postgres::DataCommit commit_;
  std::map<std::string, int64_t> refused_;  // of commit_.rejected, by reason
  int named_rows_ = 0;                      // as RefusedRows::Find counts
};

}  // namespace syncline::write

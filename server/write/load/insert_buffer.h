// InsertBuffer: accumulates the encoded rows of one lane and flushes them as one transaction.
//
// The transaction is BEGIN, COPY, the fence, the rest of the ledger, COMMIT
// (postgres/ledger/data_commit.h): rows and durable offset become durable together or not at all.
// It is short, because a connection is held only for the flush (decision 0010). Rows stay in memory
// until the COMMIT is known, so a flush that meets a broken connection is repeated; the ledger
// shows whether a COMMIT whose response was lost has happened. Used by one thread at a time.
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
#include "server/model/checkpoint.h"
#include "server/model/offset_range.h"
#include "server/model/offset_ranges.h"
#include "server/model/raw_id.h"
#include "server/model/rejected_record.h"
#include "server/model/stream_plan.h"
#include "server/model/value.h"
#include "server/model/value_counts.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/copy/row_encoder.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/write/changed_syncs.h"
#include "server/write/load/refused_rows.h"

namespace syncline::write {

// Size of the blocks that hold rows, so that a growing buffer is never copied. A larger row makes
// its block grow.
inline constexpr size_t kBlockBytes = 256 << 10;

// Dependencies and limits shared by the buffers of one server. Every pointer must outlive them.
struct LoadContext {
  postgres::ConnectionPool* connections = nullptr;
  const postgres::DataCommitter* committer = nullptr;
  // Keeps the blocks of earlier flushes for reuse.
  FreeBlocks* blocks = nullptr;
  // How long a flush is repeated while the database cannot be reached, before its call fails.
  absl::Duration retry_for = absl::Seconds(30);
  // Maximum bytes of rejected records kept per stream; beyond it only reason and offset are kept.
  int64_t max_rejected_bytes = int64_t{64} << 20;
  // Receives every commit. May be null.
  ChangedSyncs* changed = nullptr;
  // Waits between repeats. Returns false if the server is stopping and the flush must not be
  // repeated.
  std::function<bool(absl::Duration)> wait;
};

// Returns the checkpoints that are due once `durable_offset` is durable, in the order of their
// offsets: those that cover several writers, and the others at that offset or below. May be empty.
// Called within the data transaction, by each attempt of it.
using DueCheckpoints = std::function<std::vector<PendingCheckpoint>(int64_t durable_offset)>;

struct FlushResult {
  int64_t durable_offset = 0;
  int64_t rows = 0;
  int64_t rejected = 0;
  int64_t encoded_bytes = 0;
  // What coercion did to the values of the rows.
  ValueCounts values;
  // Those of the rejected records that the database refused, by reason.
  std::map<std::string, int64_t> refused;
  absl::Duration took;
  // The due checkpoints, which this flush made durable.
  std::vector<PendingCheckpoint> checkpoints;
  bool closed = false;  // as requested
};

class InsertBuffer {
 public:
  // `sync_id` is part of the raw ids. `context` must outlive the buffer.
  InsertBuffer(const LoadContext* context, const StreamPlan& plan, absl::string_view sync_id,
               WriterClaim claim);
  ~InsertBuffer();

  // Adds a row. Does no I/O.
  void Append(const RecordMeta& meta, absl::Span<const Value> values);
  // Adds a record that could not be loaded. Does no I/O.
  void Reject(RejectedRecord record);
  // Adds what coercion did to the values of the rows, by field. A row that the database refuses
  // afterwards stays counted.
  void Count(const FieldCounts& fields);
  // Notes that the buffer contains the records of `range`, which had `payload_bytes`.
  void Cover(OffsetRange range, int64_t payload_bytes);

  // Returns the number of bytes held.
  int64_t bytes() const { return bytes_; }
  int64_t rows() const { return rows_; }
  bool empty() const { return commit_.offsets.empty(); }

  // Commits the contents and the checkpoints that are due then. With `closes` that commit also
  // closes the writer. Blocks. An empty buffer is flushed, too. Rows that the database refuses are
  // rejected, and the others are committed. After an error everything is still held. Errors:
  // ABORTED FENCED and FAILED_PRECONDITION SYNC_CANCELLED if the claim no longer holds, whatever
  // else failed; those of the database.
  absl::StatusOr<FlushResult> Flush(const DueCheckpoints& checkpoints, bool closes = false);

 private:
  // Makes one attempt. `commit_unknown` is set when the response to a COMMIT was lost, so that its
  // rows may be committed or may still become so. `smaller` is set if the database refused rows,
  // which the buffer has rejected; the caller must try again.
  absl::StatusOr<FlushResult> TryFlush(const DueCheckpoints& checkpoints, bool* commit_unknown,
                                       bool* smaller);
  // Returns a result that counts the contents, without a durable offset.
  FlushResult Held() const;
  // Rejects the rows that caused `error`, which ended a COPY. Returns `error` if there are none.
  absl::Status RejectRefused(postgres::Connection& connection, const absl::Status& error);
  // Removes the rows from the blocks and rejects their records. Returns false and changes nothing
  // if one of the rows does not exist.
  bool RemoveRows(const std::vector<RefusedRow>& refused);
  // Runs the statements between the COPY, or BEGIN, and COMMIT. Stores in `result` what the COMMIT
  // would make durable.
  absl::Status WriteLedger(postgres::Connection& connection, const DueCheckpoints& checkpoints,
                           FlushResult* result);
  // Returns the result of a COMMIT whose response was lost, or nullopt if it has not happened.
  absl::StatusOr<std::optional<FlushResult>> FindCommit(postgres::Connection& connection) const;
  // Returns the result after a transaction failed with `status` and was rolled back. If the writer
  // was taken over, that is the error, whatever `status` is.
  absl::StatusOr<FlushResult> AfterFailure(postgres::Connection& connection,
                                           const absl::Status& status, bool commit_unknown) const;
  absl::Status CopyRows(postgres::Connection& connection);
  absl::Status SendBinary(postgres::Connection& connection);
  absl::Status SendText(postgres::Connection& connection);
  // Returns the block for the next row.
  ByteBuffer& OpenBlock();
  void Clear();
  void ReleaseBlocks();

  const LoadContext* const context_;
  const postgres::CopyFormat format_;
  const std::string copy_sql_;
  const std::string relation_;
  const RefusedRows refused_rows_;
  const RawIdGenerator raw_ids_;
  const postgres::RowEncoder encoder_;
  const WriterClaim claim_;

  std::vector<ByteBuffer> blocks_;
  // True if the latest flush filled whole blocks; the next one is likely to do so, too.
  bool filled_blocks_ = false;
  int64_t bytes_ = 0;
  int64_t rows_ = 0;
  postgres::DataCommit commit_;
  std::map<std::string, int64_t> refused_;  // rows refused by the database, by reason
  int named_rows_ = 0;                      // count of RefusedRows::Find
};

}  // namespace syncline::write

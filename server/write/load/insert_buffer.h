// InsertBuffer: accumulates the encoded rows of one lane and flushes them as one transaction.
//
// The transaction is BEGIN, COPY, the fence, the rest of the ledger, COMMIT
// (postgres/ledger/data_commit.h), or one statement if the block is small (small_commit.h), which
// may share its transaction with those of other writers (group_commit.h): rows and durable offset
// become durable together or not at all.
// It is short, because a connection is held only for the flush (decision 0010). Rows stay in memory
// until the COMMIT is known, so a flush that meets a broken connection or another session's lock is
// repeated; the ledger shows whether a COMMIT whose response was lost has happened. No attempt
// waits long for a lock, and between attempts a flush holds neither a thread nor a connection
// (decision 0032). Rows without changes may be sent without `_airbyte_meta` (meta_omission.h). Used
// by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/backoff.h"
#include "base/byte_buffer.h"
#include "base/free_list.h"
#include "server/model/checkpoint.h"
#include "server/model/offset_range.h"
#include "server/model/offset_ranges.h"
#include "server/model/rejected_record.h"
#include "server/model/stream_plan.h"
#include "server/model/table_name.h"
#include "server/model/value.h"
#include "server/model/value_counts.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/connection/destination.h"
#include "server/postgres/copy/row_encoder.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/write/changed_syncs.h"
#include "server/write/load/flush_interrupt.h"
#include "server/write/load/group_commit.h"
#include "server/write/load/locked_tables.h"
#include "server/write/load/meta_omission.h"
#include "server/write/load/refused_rows.h"
#include "server/write/load/row_offsets.h"
#include "server/write/load/small_commit.h"
#include "server/write/load/statement_tables.h"
#include "server/write/load/unstorable_text.h"

namespace syncline::write {

// Size of the blocks that hold rows, so that a growing buffer is never copied. A larger row makes
// its block grow.
inline constexpr size_t kBlockBytes = 256 << 10;

// Dependencies and limits shared by the buffers of one server. Every pointer must outlive them.
struct LoadContext {
  postgres::ConnectionPool* connections = nullptr;
  // May be null: then rows with characters that the database cannot store are rejected.
  postgres::Destination* destination = nullptr;
  const postgres::DataCommitter* committer = nullptr;
  // Keeps the blocks of earlier flushes for reuse.
  FreeBlocks* blocks = nullptr;
  LockedTables* locked = nullptr;
  // Null: small blocks are committed like the others. Otherwise the sessions of `connections` must
  // have a lock_timeout.
  StatementTables* statements = nullptr;
  // Commits small blocks of several writers together. Null: each is committed alone.
  GroupCommit* group = nullptr;
  // How long a flush is repeated while the database cannot be reached, before its call fails.
  absl::Duration retry_for = absl::Seconds(30);
  // Maximum wait for the lock of a table, of a table that is known as locked, and, when the rows
  // are sent, for the writer's row in the ledger, which another commit of the writer may hold.
  absl::Duration lock_timeout = absl::Milliseconds(500);
  absl::Duration probe_timeout = absl::Milliseconds(100);
  absl::Duration ledger_lock_timeout = absl::Seconds(5);
  // Maximum bytes of rejected records kept per stream; beyond it only reason and offset are kept.
  int64_t max_rejected_bytes = int64_t{64} << 20;
  // Receives every commit. May be null.
  ChangedSyncs* changed = nullptr;
  // Returns true if the server is stopping, so that a flush is not repeated while the database
  // cannot be reached.
  std::function<bool()> stopping;
};

// Returns the checkpoints that are due once `durable_offset` is durable, in the order of their
// offsets: those that cover several writers, and the others at that offset or below. May be empty.
// Called by each attempt, within or before the data transaction.
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

// How one attempt of a flush ended, if not with an error.
struct FlushAttempt {
  // Set if the contents are committed. Otherwise the flush is not over: call it again with the same
  // arguments after `pause`. If that is infinite, the contents wait for a commit together with
  // others: call it again when `resume` has been called.
  std::optional<FlushResult> committed = {};
  absl::Duration pause = {};
  bool locked = false;  // another session's lock prevents the commit
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

  // Returns the number of bytes held, those of whole rows.
  int64_t bytes() const { return bytes_; }
  int64_t rows() const { return rows_; }
  bool empty() const { return commit_.offsets.empty(); }
  // Returns whether Citus distributes the table. False until the first COPY, which finds it out.
  bool distributed() const { return distributed_.value_or(false); }

  // Tries to commit the contents and the checkpoints that are due then. With `closes` that commit
  // also closes the writer. Blocks. An empty buffer is flushed, too. Rows that the database refuses
  // are rejected, and the others are committed. After an error everything is still held. A lock is
  // waited for without limit, a database that cannot be reached or reports conflicts for
  // LoadContext::retry_for. Errors: ABORTED FENCED and FAILED_PRECONDITION SYNC_CANCELLED if the
  // claim no longer holds, whatever else failed; CANCELLED without a reason after an interrupt,
  // or UNAVAILABLE COMMIT_UNKNOWN if a small block may be committed; those of the database.
  // With `resume`, a small block may be committed together with those of other writers. It is
  // called once, on another thread and perhaps before Flush returns, if the attempt returns an
  // infinite pause; after another attempt it may be called, too, and means nothing.
  absl::StatusOr<FlushAttempt> Flush(const DueCheckpoints& checkpoints, bool closes = false,
                                     GroupCommit::Resume resume = nullptr);
  // Makes the attempt that Flush begins with, if that does not block: hands the contents in for a
  // commit together with others. Returns nullopt if Flush must be called.
  std::optional<FlushAttempt> TryHandIn(const DueCheckpoints& checkpoints, bool closes,
                                        GroupCommit::Resume resume);

  // Ends the flush from another thread. May outlive the buffer.
  std::shared_ptr<FlushInterrupt> interrupt() const { return interrupt_; }

 private:
  // A flush that is not over.
  struct Progress {
    absl::Time started = absl::Now();
    Backoff backoff{absl::Milliseconds(50), absl::Seconds(2)};
    // The response to a COMMIT was lost, so that its rows may be committed or may still become so.
    bool commit_unknown = false;
    // The last attempt has waited for the writer's row, after it had sent the rows.
    bool row_locked = false;
    // A commit together with others has failed, so that the block is committed alone.
    bool alone = false;
    // Start of the first of the latest attempts that the database did not answer.
    std::optional<absl::Time> failing_since = {};
  };
  // One attempt, and how far it got.
  struct Attempt {
    absl::Duration lock_timeout;
    // Whether a small block may be committed by one statement.
    bool by_statement = false;
    bool copied = false;
    // The database refused rows, which the buffer has rejected or changed, or a COPY without
    // `_airbyte_meta`, whose rows the buffer has made whole; try again.
    bool changed = false;
  };

  // Begins a flush, or goes on with the one in progress.
  void Prepare(bool closes);
  // Returns how the commit of what was handed in ended, or nullopt if it is to be committed alone.
  std::optional<FlushAttempt> TakeGroupResult();
  // Ends a flush that was committed.
  FlushAttempt Finish(FlushResult result);
  absl::StatusOr<FlushResult> TryFlush(const DueCheckpoints& checkpoints, Attempt* attempt);
  // Commits a small block by one statement. Returns nullopt if a data transaction must do it.
  absl::StatusOr<std::optional<FlushResult>> TryStatement(postgres::Connection& connection,
                                                          const DueCheckpoints& checkpoints,
                                                          Attempt* attempt);
  // Returns the result of a small block that is committed.
  FlushResult GetResult(SmallCommit::Committed committed);
  // Returns the pause before the next attempt, or nullopt if the flush fails with `error`. `begun`
  // is the start of the last attempt.
  std::optional<absl::Duration> PauseAfter(const absl::Status& error, absl::Time begun);
  // Notes that the table is locked, and logs from time to time which sessions hold its lock.
  void NoteLocked();
  // Commits unless the flush is interrupted.
  absl::Status Commit(postgres::Connection& connection);
  // Returns a result that counts the contents, without a durable offset.
  FlushResult Held() const;
  // Replaces the characters that caused `error`, which ended a COPY. Returns false if it is not
  // about characters or all of them can be stored.
  absl::StatusOr<bool> ReplaceCharacters(postgres::Connection& connection,
                                         const absl::Status& error);
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
                                           const absl::Status& status) const;
  // Begins the transaction and copies the rows.
  absl::Status CopyRows(postgres::Connection& connection, absl::Duration lock_timeout);
  // Returns the block for the next row.
  ByteBuffer& OpenBlock();
  void Clear();
  void ReleaseBlocks();

  const LoadContext* const context_;
  const postgres::CopyFormat format_;
  const std::string copy_sql_;
  const TableName table_;
  const RefusedRows refused_rows_;
  const UnstorableText unstorable_;
  MetaOmission omission_;
  const postgres::RowEncoder encoder_;
  const SmallCommit small_commit_;
  const WriterClaim claim_;
  const std::string sync_id_;
  const std::shared_ptr<FlushInterrupt> interrupt_ = std::make_shared<FlushInterrupt>();

  std::vector<ByteBuffer> blocks_;
  RowOffsets offsets_;  // of the rows of blocks_
  std::optional<bool> distributed_;
  // True if the latest flush filled whole blocks; the next one is likely to do so, too.
  bool filled_blocks_ = false;
  int64_t bytes_ = 0;
  int64_t rows_ = 0;
  postgres::DataCommit commit_;
  std::map<std::string, int64_t> refused_;  // rows refused by the database, by reason
  int named_rows_ = 0;                      // count of RefusedRows::Find
  std::optional<Progress> progress_;
  // Set while the contents are handed in, and the checkpoints that were offered with them.
  std::shared_ptr<GroupMember> handed_in_;
  std::vector<PendingCheckpoint> offered_;
};

}  // namespace syncline::write

// The ledger: syncs, streams, writers, checkpoints and generations, as statements in a running
// transaction.
//
// Holds only the schema's name, so it is safe from any thread. The ledger statements of data
// transactions are in data_commit.h, and those that open and close writers in writer_claims.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/checkpoint.h"
#include "server/model/offset_ranges.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_query.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/rejected_reader.h"

namespace syncline::postgres {

// The ledger's history of one table.
struct TableHistory {
  int64_t completed_generation = 0;  // highest one that completed and was not dropped; 0 if none
  std::string connection_id;         // of the latest sync; empty if it had none
  bool live = false;                 // a stream of it is open or being finalized
  int64_t live_generation = 0;       // highest generation of these streams; 0 if none
  // Highest generation that syncs have put into the table; nullopt if the ledger has none. Rows of
  // later generations can only come from live streams or other programs.
  std::optional<int64_t> loaded_generation;
  std::optional<TableMeta> meta;  // of the latest sync; nullopt if there was none
};

class Ledger {
 public:
  explicit Ledger(absl::string_view schema);

  const std::string& schema() const { return schema_; }
  // The schema's name, quoted for SQL.
  const std::string& quoted_schema() const { return quoted_schema_; }
  // Returns the NOTIFY channel for what becomes durable in syncs. The payload is the sync_no.
  std::string Channel() const;

  // Subscribes `connection` to that channel.
  absl::Status Listen(Connection& connection) const;
  // Wakes the watchers of the syncs on all servers. Not for transactions with other work: while
  // they commit, no other transaction of the database that notifies can.
  absl::Status Notify(Transaction& transaction, const std::vector<int64_t>& sync_nos) const;

  // Acquires the lock of `key` until the transaction ends, to start a sync or to work on a table's
  // streams.
  absl::Status Lock(Transaction& transaction, absl::string_view key) const;
  // Acquires the locks of several keys, one after the other, in one statement.
  absl::Status LockAll(Transaction& transaction, const std::vector<std::string>& keys) const;

  // Acquires the lock if no other transaction has it, and returns whether it did. Does not wait.
  absl::StatusOr<bool> TryLock(Transaction& transaction, absl::string_view key) const;

  // --- syncs ---
  // The sync's progress is not set. Errors: NOT_FOUND UNKNOWN_SYNC.
  absl::StatusOr<SyncEntry> GetSync(Transaction& transaction, absl::string_view sync_id) const;
  absl::StatusOr<std::optional<SyncEntry>> FindSync(Transaction& transaction,
                                                    absl::string_view sync_id) const;
  // The same with the progress, but the plans have no columns.
  absl::StatusOr<SyncEntry> GetSummary(Transaction& transaction, absl::string_view sync_id) const;
  // Returns the summaries of several syncs, in any order. Unknown numbers are omitted.
  absl::StatusOr<std::vector<SyncEntry>> GetSummaries(Transaction& transaction,
                                                      const std::vector<int64_t>& sync_nos) const;
  // Returns a page of rejected records.
  absl::StatusOr<RejectedPage> ListRejected(Transaction& transaction,
                                            const RejectedQuery& query) const {
    return ReadRejected(transaction, quoted_schema_, query);
  }
  // The plans have no columns.
  absl::StatusOr<std::vector<SyncEntry>> ListSyncs(Transaction& transaction,
                                                   const SyncQuery& query) const;
  // Returns the owner of the sync; empty if it has none. Errors: NOT_FOUND UNKNOWN_SYNC.
  absl::StatusOr<std::string> GetOwner(Transaction& transaction, absl::string_view sync_id) const;
  // Inserts the sync in state kStarting with its streams, kOpen or kFailed, and opens the
  // generations of the open ones. Sets sync_no and stream_no. The number of statements does not
  // depend on the number of streams.
  absl::Status InsertSync(Transaction& transaction, SyncEntry* sync) const;
  // Inserts the streams of `sync` as InsertSync does, into the sync with `sync->sync_no`, which has
  // `first_ordinal` streams.
  absl::Status AddStreams(Transaction& transaction, int64_t first_ordinal, SyncEntry* sync) const;
  // Stores the columns of the stream's plan, what completion does with older generations, the
  // strategy of a replace, and the changes and warnings of `stream`. Sets the plan's next version.
  // The stream's row must be locked.
  absl::Status ChangePlan(Transaction& transaction, StreamEntry* stream) const;
  // Lets no open call of the stream commit again: it fails with SCHEMA_CHANGED (ledger_errors.h).
  // For a change of the type of a column, after which the rows of such calls do not fit the table.
  absl::Status WithdrawClaims(Transaction& transaction, int64_t stream_no) const;
  // Locks the sync, to which the transaction has added streams, and `others` until the transaction
  // ends, and returns the state of the sync. While it is locked, no other transaction ends it; one
  // that waits sees the streams.
  absl::StatusOr<SyncState> LockExtended(Transaction& transaction, int64_t sync_no,
                                         std::vector<int64_t> others) const;
  // If none of the sync's streams is live, it accepts no more streams and ends.
  absl::Status EndExtensions(Transaction& transaction, int64_t sync_no) const;
  // kStarting -> kRunning, or to the end of the sync if none of its streams is open and none can be
  // added.
  absl::Status MarkRunning(Transaction& transaction, int64_t sync_no) const;
  // Errors: INTERNAL if there is no such sync.
  absl::StatusOr<SyncState> GetSyncState(Transaction& transaction, int64_t sync_no) const;
  // kOpen -> kFailed with `stream`'s error, before the stream accepts records.
  absl::Status FailStream(Transaction& transaction, const StreamEntry& stream) const;
  // Stores how a completion of the stream failed.
  absl::Status NoteFailure(Transaction& transaction, int64_t stream_no,
                           const absl::Status& failure) const;
  // Stores the digest of the caller's input, unless the sync already has one.
  absl::Status StoreInputDigest(Transaction& transaction, int64_t sync_no,
                                absl::string_view input_digest) const;
  // Cancels the sync and its streams that have not ended, fences their writers and writes the
  // history.
  absl::Status CancelSync(Transaction& transaction, int64_t sync_no) const;
  // Cancels the live streams that a new sync with the open streams `plans` takes over: those of
  // their tables, unless both load by append and the other's generation is not lower. Records that
  // the tables `dropped` no longer exist: the generations that were in them become 'dropped', and
  // such a generation starts again from zero rows when it is loaded again. Returns the syncs of the
  // streams. Call it before InsertSync, and FinishSyncs with its result afterwards (row_locks.h).
  absl::StatusOr<std::vector<int64_t>> SupersedeStreams(
      Transaction& transaction, const std::vector<StreamPlan>& plans,
      const std::vector<TableName>& dropped) const;
  // Returns the histories of `tables` in their order, in one statement.
  absl::StatusOr<std::vector<TableHistory>> GetTableHistories(
      Transaction& transaction, const std::vector<TableName>& tables) const;
  // Ends those of the syncs that have no live stream and accept no more; with `also_extensible`
  // also those that do.
  absl::Status FinishSyncs(Transaction& transaction, const std::vector<int64_t>& sync_nos,
                           bool also_extensible = false) const;
  absl::StatusOr<TableHistory> GetTableHistory(Transaction& transaction,
                                               const TableName& table) const;
  // Adds `rows` of `generation_id` that were written into the table outside a completion.
  absl::Status AddRows(Transaction& transaction, const TableName& table, int64_t generation_id,
                       int64_t rows) const;

  // --- servers ---
  absl::Status RenewServerLease(Transaction& transaction, absl::string_view server_id,
                                absl::Duration lease) const;
  absl::Status DropServerLease(Transaction& transaction, absl::string_view server_id) const;

  // --- completion ---
  // Errors: INTERNAL if there is no such stream.
  absl::StatusOr<StreamState> GetStreamState(Transaction& transaction, int64_t stream_no) const;
  // Errors: INTERNAL if there is no such stream.
  absl::StatusOr<StreamEntry> GetStream(Transaction& transaction, int64_t stream_no) const;
  // Returns the states of those of `stream_nos` that exist, in one statement.
  absl::StatusOr<std::map<int64_t, StreamState>> GetStreamStates(
      Transaction& transaction, const std::vector<int64_t>& stream_nos) const;
  // Locks the stream's row until the transaction ends and reads its state only. Errors: INTERNAL if
  // there is no such stream.
  absl::StatusOr<StreamState> LockStreamState(Transaction& transaction, int64_t stream_no) const;
  // Locks the stream's row until the transaction ends and reads it.
  absl::StatusOr<StreamEntry> LockStream(Transaction& transaction, int64_t stream_no) const;
  // Returns the ids of the writers that a live server holds open.
  absl::StatusOr<std::vector<std::string>> FindOpenWriters(Transaction& transaction,
                                                           int64_t stream_no) const;
  // Returns the ids of the writers that have committed records above their durable offset.
  absl::StatusOr<std::vector<std::string>> FindWritersWithGaps(Transaction& transaction,
                                                               int64_t stream_no) const;
  // kOpen -> kFinalizing; fences every writer. Waits for the commits of writers in progress, and
  // returns what FindWritersWithGaps would return after them.
  absl::StatusOr<std::vector<std::string>> BeginFinalize(Transaction& transaction,
                                                         int64_t stream_no) const;
  // kFinalizing -> `state` with the stream's result, and the generation's history. Ends the sync if
  // this was its last stream. Call it in the transaction that finalizes. Errors: ABORTED SUPERSEDED
  // if the stream is no longer kFinalizing.
  absl::Status FinishStream(Transaction& transaction, const StreamEntry& stream, StreamState state,
                            const StreamResult& result) const;

 private:
  // Sets the streams, which are live and locked, to kCancelled and fences their writers.
  absl::Status CancelStreams(Transaction& transaction, const std::vector<int64_t>& stream_nos,
                             bool superseded) const;
  // Ends the generations of streams that were just cancelled, unless another sync has opened these
  // since. Rows that appends committed are in the table and are counted.
  absl::Status EndGenerations(Transaction& transaction,
                              const std::vector<int64_t>& stream_nos) const;
  absl::Status MarkGenerationsDropped(Transaction& transaction,
                                      const std::vector<TableName>& tables) const;
  // The parts of InsertSync.
  absl::Status InsertStreams(Transaction& transaction, int64_t first_ordinal,
                             SyncEntry* sync) const;
  absl::Status OpenGenerations(Transaction& transaction, const SyncEntry& sync) const;
  // Returns `sql` with the ledger's schema (WithLedgerSchema).
  std::string Sql(absl::string_view sql) const;

  const std::string schema_;
  const std::string quoted_schema_;
};

}  // namespace syncline::postgres

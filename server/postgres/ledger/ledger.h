// The ledger: syncs, streams, writers, checkpoints and generations, as statements on a running
// transaction.
//
// Holds only the schema's name and so is safe from any thread. What a data transaction does to the
// ledger is in data_commit.h, how writers are opened and closed in writer_claims.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/offset_ranges.h"
#include "server/model/plan.h"
#include "server/model/sync_query.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/rejected_reader.h"

namespace syncline::postgres {

// What the ledger says of a table's past.
struct TableHistory {
  int64_t completed_generation = 0;  // greatest generation that ever completed; 0 when none
  std::string connection_id;         // of the latest sync; empty when that had none
  bool live = false;                 // a stream of it is open or being finalised
  int64_t live_generation = 0;       // greatest generation of these; 0 when none
  // Greatest generation that syncs have put into the table; none when the ledger knows of none. No
  // row is of a later one but those of live streams and of strangers.
  std::optional<int64_t> loaded_generation;
};

class Ledger {
 public:
  explicit Ledger(absl::string_view schema);

  const std::string& schema() const { return schema_; }
  // The NOTIFY channel of what becomes durable of syncs; the payload is the sync_no.
  std::string Channel() const;

  // Subscribes `connection` to that channel.
  absl::Status Listen(Connection& connection) const;

  // Holds the lock of `key` until the transaction ends: whoever starts a sync or works on a table's
  // streams. One name space for all kinds of keys; equal hashes only make strangers wait.
  absl::Status Lock(Transaction& transaction, absl::string_view key) const;
  // The same for several keys, one after the other, in one statement.
  absl::Status LockAll(Transaction& transaction, const std::vector<std::string>& keys) const;

  // --- syncs ---
  // Errors: NOT_FOUND UNKNOWN_SYNC.
  absl::StatusOr<SyncRecord> GetSync(Transaction& transaction, absl::string_view sync_id) const;
  absl::StatusOr<std::optional<SyncRecord>> FindSync(Transaction& transaction,
                                                     absl::string_view sync_id) const;
  // A page of rejected records.
  absl::StatusOr<RejectedPage> ListRejected(Transaction& transaction,
                                            const RejectedQuery& query) const {
    return ReadRejected(transaction, quoted_schema_, query);
  }
  absl::StatusOr<std::vector<SyncRecord>> ListSyncs(Transaction& transaction,
                                                    const SyncQuery& query) const;
  // Whose the sync is; empty: nobody's. Errors: NOT_FOUND UNKNOWN_SYNC.
  absl::StatusOr<std::string> GetOwner(Transaction& transaction, absl::string_view sync_id) const;
  // Inserts the sync in state kStarting with its streams, kOpen or kFailed, and opens the
  // generations of those that are open; fills sync_no and stream_no.
  absl::Status InsertSync(Transaction& transaction, SyncRecord* sync) const;
  // kStarting -> kRunning, or the end of a sync none of whose streams is open.
  absl::Status MarkRunning(Transaction& transaction, int64_t sync_no) const;
  // Errors: INTERNAL when there is no such sync.
  absl::StatusOr<SyncState> GetSyncState(Transaction& transaction, int64_t sync_no) const;
  // kOpen -> kFailed with `stream`'s error, before the stream takes records.
  absl::Status FailStream(Transaction& transaction, const StreamRecord& stream) const;
  // Notes how a completion of the stream failed.
  absl::Status NoteFailure(Transaction& transaction, int64_t stream_no,
                           const absl::Status& failure) const;
  // Notes what the caller says of its input, unless the sync's first request said it.
  absl::Status NoteInput(Transaction& transaction, int64_t sync_no,
                         absl::string_view input_digest) const;
  // Cancels what has not ended, fences its writers and writes the history.
  absl::Status CancelSync(Transaction& transaction, int64_t sync_no) const;
  // Cancels the live streams of other syncs that `plan` takes over: those of its table where either
  // side replaces or stages, or whose generation is older.
  absl::Status SupersedeStreams(Transaction& transaction, int64_t sync_no,
                                const StreamPlan& plan) const;
  absl::StatusOr<TableHistory> GetTableHistory(Transaction& transaction,
                                               const TableName& table) const;
  // The table is not there any more: the generations that were in it are 'dropped' from now on, and
  // such a generation starts afresh when it is loaded again.
  absl::Status ForgetGenerations(Transaction& transaction, const TableName& table) const;
  // Adds `rows` of `generation_id` that came into the table outside a completion.
  absl::Status AddRows(Transaction& transaction, const TableName& table, int64_t generation_id,
                       int64_t rows) const;

  // --- servers ---
  absl::Status RenewServerLease(Transaction& transaction, absl::string_view server_id,
                                absl::Duration lease) const;
  absl::Status DropServerLease(Transaction& transaction, absl::string_view server_id) const;

  // --- completion ---
  // Errors: INTERNAL when there is no such stream.
  absl::StatusOr<StreamState> GetStreamState(Transaction& transaction, int64_t stream_no) const;
  // Locks the stream's row until the transaction ends and reads it.
  absl::StatusOr<StreamRecord> LockStream(Transaction& transaction, int64_t stream_no) const;
  // The ids of writers that a live server holds open.
  absl::StatusOr<std::vector<std::string>> OpenWriters(Transaction& transaction,
                                                       int64_t stream_no) const;
  // The ids of writers with committed records above their durable offset.
  absl::StatusOr<std::vector<std::string>> WritersWithGaps(Transaction& transaction,
                                                           int64_t stream_no) const;
  // kOpen -> kFinalizing; fences every writer.
  absl::Status BeginFinalize(Transaction& transaction, int64_t stream_no) const;
  // kFinalizing -> `state` with its result, and the generation's history; ends the sync when this
  // was its last stream. In the transaction that finalises. Errors: ABORTED
  // SUPERSEDED when the stream is not kFinalizing any more.
  absl::Status FinishStream(Transaction& transaction, const StreamRecord& stream, StreamState state,
                            const StreamResult& result) const;

  // --- events ---
  // Committed checkpoints after `after_sequence`, oldest first, at most `limit`.
  absl::StatusOr<std::vector<CommittedCheckpoint>> ReadCheckpoints(Transaction& transaction,
                                                                   int64_t sync_no,
                                                                   int64_t after_sequence,
                                                                   int limit) const;

 private:
  absl::Status FinishSyncIfDone(Transaction& transaction, int64_t sync_no) const;
  // What ends with streams that were just cancelled: their writers, and their generations unless
  // another sync has opened these since. Rows that appends committed are in the table and count.
  absl::Status Notify(Transaction& transaction, int64_t sync_no) const;
  absl::Status EndCancelled(Transaction& transaction, const Result& stream_nos) const;
  // `sql` with "$L" replaced by the quoted schema.
  std::string Sql(absl::string_view sql) const;

  const std::string schema_;
  const std::string quoted_schema_;
};

}  // namespace syncline::postgres

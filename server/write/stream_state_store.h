// StreamStateStore: facade over the ledger for sync/. The state of streams and writers is kept only
// in the ledger.
//
// Each method is one transaction. The plan of a stream contains the table, target or staging, to
// which it writes. Blocking; safe from any thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/model/completion_request.h"
#include "server/model/rejected_page.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/model/writer.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/ledger/checkpoint_numbers.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/writer_claims.h"
#include "server/write/changed_syncs.h"

namespace syncline::write {

class StreamStateStore {
 public:
  // Databases for work that must not wait for callers who take all connections of the other one.
  // Null means that one.
  struct OwnDatabases {
    postgres::Database* lease = nullptr;       // renews the lease
    postgres::Database* background = nullptr;  // events and upkeep
  };

  // `server_id` names this process in the ledger. Pointers must outlive the store.
  StreamStateStore(postgres::Database* database, postgres::ConnectionPool* connections,
                   const postgres::Ledger* ledger, std::string server_id)
      : StreamStateStore(database, connections, ledger, std::move(server_id), OwnDatabases()) {}
  StreamStateStore(postgres::Database* database, postgres::ConnectionPool* connections,
                   const postgres::Ledger* ledger, std::string server_id, const OwnDatabases& own)
      : database_(database),
        lease_database_(own.lease == nullptr ? database : own.lease),
        background_database_(own.background == nullptr ? database : own.background),
        ledger_(ledger),
        claims_(*ledger, connections, server_id),
        server_id_(std::move(server_id)) {}

  // The sync's progress is not set. Errors: NOT_FOUND UNKNOWN_SYNC.
  absl::StatusOr<SyncEntry> GetSync(absl::string_view sync_id);
  // The same with the progress, but the plans have no columns.
  absl::StatusOr<SyncEntry> GetSummary(absl::string_view sync_id);
  // Returns the owner of the sync, or an empty string if it has none. Errors: NOT_FOUND
  // UNKNOWN_SYNC.
  absl::StatusOr<std::string> GetOwner(absl::string_view sync_id);
  // The plans have no columns.
  absl::StatusOr<std::vector<SyncEntry>> ListSyncs(const SyncQuery& query);
  // Cancels what has not ended and returns the resulting sync, without the columns of its plans.
  // Errors: NOT_FOUND UNKNOWN_SYNC.
  absl::StatusOr<SyncEntry> CancelSync(absl::string_view sync_id);

  // Claims the writer, whose epoch must not be higher than `expected_epoch` if there is one.
  // Errors: ABORTED FENCED; FAILED_PRECONDITION STREAM_COMPLETED, SYNC_CANCELLED; ABORTED
  // LOCK_NOT_AVAILABLE (WriterBusy).
  absl::StatusOr<ClaimedWriter> ClaimWriter(int64_t sync_no, int64_t stream_no,
                                            absl::string_view writer_id,
                                            std::optional<int64_t> expected_epoch = std::nullopt);
  // Releases the claim of a call that ended with `end`. If that fails, or another transaction has
  // locked the writer's row for too long, the next calls of RenewLease try again.
  void ReleaseWriter(const WriterClaim& claim, const absl::Status& end);
  // Ends a claim that its call's last commit has released.
  void ForgetClaim(const WriterClaim& claim) { claims_.Forget(claim); }
  // Renews the lease of this process. Also marks writers as no longer open that the ledger lists as
  // open by this process although their calls have ended, and stores how the calls ended whose
  // claims could not be released before. Neither waits for a control connection.
  absl::Status RenewLease(absl::Duration lease);
  absl::Status DropLease();

  // Checks the preconditions of a completion and stops the stream's writers; the stream is
  // kFinalizing then. A stream that has ended is returned as it is. Errors: FAILED_PRECONDITION
  // WRITERS_ACTIVE, COUNT_MISMATCH, OFFSETS_MISSING, SYNC_CANCELLED.
  absl::StatusOr<StreamEntry> BeginCompletion(int64_t stream_no, const CompletionRequest& request);
  absl::StatusOr<StreamEntry> GetStream(int64_t stream_no);
  // Like GetStream, but what it returns is also durable on a synchronous standby, and may be
  // acknowledged.
  absl::StatusOr<StreamEntry> GetDurableStream(int64_t stream_no);
  // Like GetStream, but waits for a transaction that is changing the stream, such as a COMMIT whose
  // response was lost.
  absl::StatusOr<StreamEntry> GetSettledStream(int64_t stream_no);
  // Stores how a completion failed, for later inquiries. Errors: ABORTED LOCK_NOT_AVAILABLE if
  // another transaction has held the stream's row for a second; those of the database.
  absl::Status NoteFailure(int64_t stream_no, const absl::Status& failure);
  // Returns why a kCancelled stream can no longer be written: ABORTED SUPERSEDED if a newer sync
  // took its table over, otherwise FAILED_PRECONDITION SYNC_CANCELLED. Errors: those of the
  // database.
  absl::Status GetCancellationError(const StreamPlan& plan);

  // --- events ---
  // What this process has changed; AnnounceChanges announces it.
  ChangedSyncs& changed() { return changed_; }
  // Numbers the checkpoints that this process has committed, and wakes the watchers of the syncs
  // that have changed, on all servers. After an error the next call does it.
  absl::Status AnnounceChanges();
  // Numbers all committed checkpoints of `sync_nos`, whichever server committed them, except those
  // of syncs that another transaction has locked.
  absl::StatusOr<postgres::CheckpointNumbering> NumberCheckpoints(
      const std::vector<int64_t>& sync_nos);
  // Returns a page of the sync's rejected records. Errors: NOT_FOUND UNKNOWN_SYNC, UNKNOWN_STREAM.
  absl::StatusOr<RejectedPage> ListRejected(const RejectedQuery& query);

  // --- upkeep ---
  // Drops states of replaced checkpoints of the syncs that this process has numbered lately, or of
  // all syncs. Between two transactions it stops if `proceed` returns false.
  absl::Status DropRecentStates();
  absl::Status DropAllStates(const std::function<bool()>& proceed);
  // Removes syncs that ended more than `age` ago (postgres/ledger/retention.h) and returns how
  // many.
  absl::StatusOr<int64_t> RemoveOldSyncs(absl::Duration age, const std::function<bool()>& proceed);

 private:
  // A claim that could not be released, and how its call ended.
  struct UnreleasedClaim {
    WriterClaim claim;
    absl::Status end;
  };

  // Releases claims that could not be released before, until one fails again.
  void ReleaseAgain();
  absl::Status DropStates(const std::optional<std::vector<int64_t>>& sync_nos,
                          const std::function<bool()>& proceed);

  postgres::Database* const database_;
  postgres::Database* const lease_database_;
  postgres::Database* const background_database_;
  const postgres::Ledger* const ledger_;
  postgres::WriterClaims claims_;
  const std::string server_id_;
  ChangedSyncs changed_;
  Mutex mutex_;
  std::deque<UnreleasedClaim> unreleased_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::write

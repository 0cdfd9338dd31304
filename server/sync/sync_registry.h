// SyncRegistry: finds the syncs that this process works on by their id.
//
// A cache of the ledger: a sync that another replica has started is loaded on first use, and one
// whose streams have ended, or that is not used for a while, is removed. Owns the sessions. The
// lock covers only the look-up. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "server/model/access_token.h"
#include "server/model/rejected_page.h"
#include "server/model/sync_record.h"
#include "server/sync/running_work.h"
#include "server/sync/start_request.h"
#include "server/sync/stream_session.h"

namespace syncline::sync {

using write::StartedSync;

class SyncRegistry {
 public:
  // Pointers in `context` must outlive the registry.
  SyncRegistry(const SessionContext& context, StartLimits limits);
  ~SyncRegistry();

  // Starts or resumes a sync. Blocks. Errors: UNAVAILABLE START_IN_PROGRESS at once if another call
  // starts it; those of CheckStartRequest and of write::Writer::Start.
  absl::StatusOr<StartedSync> Start(const StartRequest& request);

  // Returns how Start would start a new sync, and changes nothing. Blocks. Errors: those of
  // CheckStartRequest and of write::Writer::Preview.
  absl::StatusOr<SyncEntry> Preview(const StartRequest& request);

  // Returns the session of a stream. Blocks if the sync must be loaded. Errors: NOT_FOUND
  // UNKNOWN_SYNC, UNKNOWN_STREAM; FAILED_PRECONDITION PROTOCOL_ORDER if the StartSync has not
  // finished; the error of a stream that could not start; those of the database.
  absl::StatusOr<std::shared_ptr<StreamSession>> FindStream(absl::string_view sync_id,
                                                            const StreamDescriptor& descriptor);

  // Returns whether this process knows that the sync has the stream and that the stream could
  // start. Does not block.
  bool HasStream(absl::string_view sync_id, const StreamDescriptor& descriptor) const;
  // Reads the sync from the ledger, because another replica may have started or extended it.
  // Blocks. Errors: NOT_FOUND UNKNOWN_SYNC; FAILED_PRECONDITION PROTOCOL_ORDER if the StartSync has
  // not finished; those of the database.
  absl::Status Reload(absl::string_view sync_id);

  // Ends a stream, as StreamSession::Complete does, and removes the sync after its last stream.
  absl::StatusOr<StreamEntry> Complete(absl::string_view sync_id,
                                       const StreamDescriptor& descriptor,
                                       const CompletionRequest& request);

  // Returns whether Complete of `request` may move rows, which takes as long as there are rows;
  // otherwise it is a few statements on the ledger. Blocks if the sync must be loaded, or may have
  // been extended by another replica. Errors: those of FindStream.
  absl::StatusOr<bool> MovesRows(absl::string_view sync_id, const StreamDescriptor& descriptor,
                                 const CompletionRequest& request);

  // Returns what Complete would do now, and changes nothing. Errors: those of
  // StreamSession::Validate.
  absl::StatusOr<Validation> Validate(absl::string_view sync_id, const StreamDescriptor& descriptor,
                                      const CompletionRequest& request);

  // Returns OK if `caller` may see and end the sync. Blocks if the ledger must be read. Errors:
  // NOT_FOUND UNKNOWN_SYNC, also for another owner's sync, so that its existence is not disclosed;
  // those of the database.
  absl::Status CheckOwner(absl::string_view sync_id, const Identity& caller);

  // Read the ledger, without the columns of the plans. Block. Errors: NOT_FOUND UNKNOWN_SYNC; those
  // of the database.
  absl::StatusOr<SyncEntry> Get(absl::string_view sync_id);
  absl::StatusOr<std::vector<SyncEntry>> List(const SyncQuery& query);
  // Errors: NOT_FOUND UNKNOWN_SYNC, UNKNOWN_STREAM; those of the database.
  absl::StatusOr<RejectedPage> ListRejected(const RejectedQuery& query);

  // Cancels the sync in the ledger, fails its calls in this process and interrupts its starts and
  // completions. Blocks. Errors: NOT_FOUND UNKNOWN_SYNC; ABORTED LOCK_NOT_AVAILABLE with RetryInfo
  // if another call has started the sync for 10 s and still does; those of the database.
  absl::StatusOr<SyncEntry> Cancel(absl::string_view sync_id);

  // Lets every open call commit what it has accepted and end with `status`.
  void EndCalls(const absl::Status& status);
  // Fails every open call with `status`, without what is not committed yet.
  void FailCalls(const absl::Status& status);
  void FlushOlderThan(absl::Duration age);
  // Reports to the metrics of every stream how long its oldest uncommitted record has waited.
  void NoteAges();
  // Flushes the data of idle lanes.
  void FlushIdle();
  // If calls wait for memory of `budget` that calls hold which other sessions' locks have stopped
  // for 10 s, fails those that have been stopped for longest, until the rest holds at most half of
  // the budget, and the call whose turn it is has room. A call that waits only for memory of its
  // own is not failed.
  void FailLocked(const MemoryBudget& budget);
  int64_t open_calls() const;
  // Removes syncs whose sessions are not in use, if their streams have ended or if they were last
  // used more than `age` ago.
  void ForgetIdle(absl::Duration age);

 private:
  struct Stream {
    std::shared_ptr<StreamSession> session;
    bool ended = false;
  };
  struct Sync {
    std::map<StreamDescriptor, Stream> streams;
    std::map<StreamDescriptor, absl::Status> failed;  // could not start; these have no session
    std::string owner;
    bool extensible = false;  // another replica may change the plans of its streams
    absl::Time used;

    bool HasEnded() const;
    // Returns whether no session is in use outside the registry, for example by an open call.
    bool IsIdle() const;
    // Returns the session of a stream, or null if there is none. Errors: that of a stream that
    // could not start.
    absl::StatusOr<std::shared_ptr<StreamSession>> Find(const StreamDescriptor& descriptor) const;
  };

  // Adds the sync, or the streams that the registry does not have of it, and uses its plans.
  // Returns a copy, which is also valid if the sync is removed meanwhile.
  Sync Insert(const SyncEntry& record);
  // Reads the sync from the ledger and inserts it. Errors: those of Reload.
  absl::StatusOr<Sync> Load(absl::string_view sync_id);
  void Ended(const std::string& sync_id, const StreamDescriptor& descriptor);
  std::vector<std::shared_ptr<StreamSession>> Sessions() const;

  const SessionContext context_;
  const StartLimits limits_;
  RunningWork running_;
  mutable Mutex mutex_;
  std::map<std::string, Sync, std::less<>> syncs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::sync

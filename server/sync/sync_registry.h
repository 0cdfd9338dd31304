// SyncRegistry: the syncs that this process works on, found by their id.
//
// A cache of the ledger: a sync that another replica started is loaded on first use; one whose
// streams have ended, or that is not used for a while, is forgotten. Owns the sessions. The lock
// covers the look-up only.
// Thread-safe.
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
#include "base/mutex.h"
#include "server/model/access_token.h"
#include "server/model/plan.h"
#include "server/model/rejected_page.h"
#include "server/sync/start_request.h"
#include "server/sync/stream_session.h"
#include "server/sync/sync_watch.h"

namespace syncline::sync {

using write::StartedSync;

class SyncRegistry {
 public:
  // Pointers in `context` outlive the registry.
  SyncRegistry(const SessionContext& context, StartLimits limits);
  ~SyncRegistry();

  // Starts or resumes a sync. Blocks. Errors: those of CheckStartRequest and of
  // write::Writer::Start.
  absl::StatusOr<StartedSync> Start(const StartRequest& request);

  // The session of a stream; blocks when the sync has to be loaded.
  // Errors: NOT_FOUND UNKNOWN_SYNC, UNKNOWN_STREAM; that of a stream which could not start; those
  // of the database.
  absl::StatusOr<std::shared_ptr<StreamSession>> FindStream(absl::string_view sync_id,
                                                            const StreamDescriptor& descriptor);

  // Ends a stream, as StreamSession::Complete does, and forgets the sync with its last stream.
  absl::StatusOr<StreamRecord> Complete(absl::string_view sync_id,
                                        const StreamDescriptor& descriptor,
                                        const CompletionRequest& request);

  // What Complete would do now; changes nothing. Errors: those of StreamSession::Validate.
  absl::StatusOr<Validation> Validate(absl::string_view sync_id, const StreamDescriptor& descriptor,
                                      const CompletionRequest& request);

  // Whether `caller` may see and end the sync. Blocks where it has to ask the ledger.
  // Errors: NOT_FOUND UNKNOWN_SYNC, also for another owner's: that it exists is nobody's business;
  // those of the database.
  absl::Status CheckOwner(absl::string_view sync_id, const Identity& caller);

  // What the ledger knows. Block. Errors: NOT_FOUND UNKNOWN_SYNC; those of the database.
  absl::StatusOr<SyncRecord> Get(absl::string_view sync_id);
  absl::StatusOr<std::vector<SyncRecord>> List(const SyncQuery& query);
  // Errors: NOT_FOUND UNKNOWN_SYNC, UNKNOWN_STREAM; those of the database.
  absl::StatusOr<RejectedPage> ListRejected(const RejectedQuery& query);
  // Errors: as SyncWatch::Create.
  absl::StatusOr<std::unique_ptr<SyncWatch>> Watch(absl::string_view sync_id,
                                                   int64_t after_sequence);

  // Cancels the sync in the ledger and fails its calls here. Blocks.
  absl::StatusOr<SyncRecord> Cancel(absl::string_view sync_id);

  // Lets every open call commit what it has and end with `status`.
  void EndCalls(const absl::Status& status);
  void FlushOlderThan(absl::Duration age);
  // Tells the metrics of every stream how long its oldest uncommitted record has waited.
  void NoteAges();
  // Flushes what is held by lanes that do nothing.
  void FlushIdle();
  int64_t open_calls() const;
  // Forgets syncs that nobody holds a session of, if their streams have ended or they were not
  // asked for since `age` ago.
  void ForgetIdle(absl::Duration age);

 private:
  struct Stream {
    std::shared_ptr<StreamSession> session;
    bool ended = false;
  };
  struct Sync {
    std::map<StreamDescriptor, Stream> streams;
    std::map<StreamDescriptor, absl::Status> failed;  // could not start; no session
    std::string owner;
    absl::Time used;

    bool HasEnded() const;
    // Nobody outside of the registry holds a session, as an open call does.
    bool IsIdle() const;
  };

  void Insert(const SyncRecord& record);
  void Ended(const std::string& sync_id, const StreamDescriptor& descriptor);
  std::vector<std::shared_ptr<StreamSession>> Sessions() const;

  const SessionContext context_;
  const StartLimits limits_;
  mutable Mutex mutex_;
  std::map<std::string, Sync, std::less<>> syncs_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::sync

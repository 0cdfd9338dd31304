// StreamSession: one stream of a sync in this process: its open calls, and its completion.
//
// The state machine is the ledger's (model/plan.h, StreamState): kOpen takes calls; BeginCompletion
// is the one gate to kFinalizing, FinishStream the one to the ended states. This object only keeps
// the calls of this process. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/metrics/metrics.h"
#include "server/model/completion_request.h"
#include "server/model/plan.h"
#include "server/model/validation.h"
#include "server/sync/repeated_call.h"
#include "server/sync/writer_call.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"

namespace syncline::sync {

// What sessions of one server share. All pointers outlive the sessions.
struct SessionContext {
  write::StreamStateStore* store = nullptr;
  write::Writer* writer = nullptr;
  metrics::Metrics* metrics = nullptr;
  CallContext call;
};

class StreamSession {
 public:
  StreamSession(const SessionContext* context, int64_t sync_no, std::string sync_id,
                const StreamPlan& plan);
  ~StreamSession();

  const StreamPlan& plan() const { return plan_; }

  // Takes the writer over: the older call, here or on another replica, fails FENCED. Blocks.
  // Errors: FAILED_PRECONDITION STREAM_COMPLETED, SYNC_CANCELLED; those of the database.
  absl::StatusOr<std::shared_ptr<WriterCall>> Open(absl::string_view writer_id,
                                                   WriterCall::Done done);

  // A call of a stream that has been completed, which Open refused with STREAM_COMPLETED. Blocks.
  absl::StatusOr<RepeatedCall> Repeat(absl::string_view writer_id);

  // Ends the stream; repeated, it answers the first result. Blocks as long as finalising takes.
  absl::StatusOr<StreamRecord> Complete(const CompletionRequest& request);

  // What Complete would do now; changes nothing. Blocks. Errors: those of ValidateCompletion.
  absl::StatusOr<Validation> Validate(const CompletionRequest& request);

  // Fails every open call of this process.
  void FailCalls(const absl::Status& status);
  // Lets every open call of this process commit what it has and end with `status`.
  void EndCalls(const absl::Status& status);
  void FlushOlderThan(absl::Duration age);
  // Tells the metrics how long the oldest uncommitted record has waited.
  void NoteAge() const;
  // Flushes what is held by lanes that do nothing.
  void FlushIdle();
  int64_t open_calls() const;

 private:
  // What the ledger says of a completion that failed: its end when it has one, else the error to
  // answer.
  absl::StatusOr<StreamRecord> AfterFailure(const absl::Status& failure);
  // Keeps how a completion failed in the ledger.
  void NoteFailure(const absl::Status& failure);
  std::vector<std::shared_ptr<WriterCall>> Calls() const;
  void Forget(const std::string& writer_id, int64_t epoch);

  const SessionContext* const context_;
  const int64_t sync_no_;
  const std::string sync_id_;
  const StreamPlan plan_;
  const std::shared_ptr<metrics::StreamMetrics> metrics_;

  mutable Mutex mutex_;
  std::map<std::string, std::shared_ptr<WriterCall>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::sync

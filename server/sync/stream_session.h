// StreamSession: one stream of a sync in this process, with its open calls and its completion.
//
// The state machine is the ledger's (model/plan.h, StreamState): kOpen accepts calls,
// BeginCompletion is the only gate to kFinalizing, and FinishStream the only one to the ended
// states. This object only holds the calls of this process. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/metrics/metrics.h"
#include "server/model/completion_request.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/model/validation.h"
#include "server/sync/repeated_call.h"
#include "server/sync/writer_call.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"

namespace syncline::sync {

// Dependencies shared by the sessions of one server. Every pointer must outlive them.
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

  // Returns the plan with which the session began. Its schema, version and older_generations may be
  // those of an earlier version.
  const StreamPlan& plan() const { return plan_; }
  // Returns the newest plan that this process has seen.
  std::shared_ptr<const StreamPlan> newest_plan() const;
  // Reads the newest plan from the ledger, because another replica may have extended the stream.
  // Blocks. Errors: those of the database.
  absl::StatusOr<std::shared_ptr<const StreamPlan>> ReadPlan();
  // Uses `plan` for calls that open from now on, unless a newer one is known.
  void UsePlan(const StreamPlan& plan);

  struct OpenRequest {
    std::string writer_id;
    std::optional<int64_t> expected_epoch;
    int64_t plan_version = 0;  // lowest version of the plan that the caller accepts
  };
  // Claims the writer, and opens a call that encodes for the newest plan. The writer's older call,
  // in this process or another replica, fails with FENCED. Blocks. Errors: ABORTED FENCED if the
  // writer's epoch is higher than the expected one; FAILED_PRECONDITION STREAM_COMPLETED,
  // SYNC_CANCELLED, PLAN_VERSION_UNKNOWN; those of the database.
  absl::StatusOr<std::shared_ptr<WriterCall>> Open(const OpenRequest& request,
                                                   WriterCall::Done done,
                                                   WriterCall::Committed committed = nullptr);

  // Returns a repeated call, for a stream of which Open has returned STREAM_COMPLETED. Blocks.
  // Errors: the error of a stream that could not start; those of the database.
  absl::StatusOr<RepeatedCall> Repeat(absl::string_view writer_id);

  // Ends the stream. If it has ended already, returns the first result. Blocks for as long as
  // finalizing takes.
  absl::StatusOr<StreamEntry> Complete(const CompletionRequest& request);

  // Returns what Complete would do now, and changes nothing. Blocks. Errors: INVALID_ARGUMENT for
  // an invalid guard; those of ValidateCompletion.
  absl::StatusOr<Validation> Validate(const CompletionRequest& request);

  // Fails every open call of this process with `status`.
  void FailCalls(const absl::Status& status);
  // Lets every open call of this process commit what it has accepted and end with `status`.
  void EndCalls(const absl::Status& status);
  void FlushOlderThan(absl::Duration age);
  // Reports to the metrics how long the oldest uncommitted record has waited.
  void NoteAge() const;
  // Flushes the data of idle lanes.
  void FlushIdle();
  std::vector<std::shared_ptr<WriterCall>> Calls() const;
  int64_t open_calls() const;

 private:
  // Returns the newest plan, read from the ledger if this process knows none of `version` or later.
  absl::StatusOr<std::shared_ptr<const StreamPlan>> GetPlan(int64_t version);
  // Claims the writer, with the plan that is the newest after that.
  absl::StatusOr<ClaimedWriter> Claim(const OpenRequest& request,
                                      std::shared_ptr<const StreamPlan>* plan);
  // Returns INVALID_ARGUMENT if the request has a guard that does not fit the newest plan. Reads
  // the ledger only if the guard does not fit the newest plan that this process knows.
  absl::Status CheckGuard(const CompletionRequest& request);
  // Returns the number of records of the stream that were rejected, if that is limited.
  absl::StatusOr<int64_t> CountRejected();
  // Reads the stream from the ledger after a completion has failed. Returns the stream if it has
  // ended, otherwise the error to return.
  absl::StatusOr<StreamEntry> AfterFailure(const absl::Status& failure);
  // Stores in the ledger how a completion failed.
  void NoteFailure(const absl::Status& failure);
  // Adds an open call. Returns the calls of the same writer that it has taken over.
  std::vector<std::shared_ptr<WriterCall>> Add(const std::shared_ptr<WriterCall>& call);
  void Forget(const WriterClaim& claim);

  const SessionContext* const context_;
  const int64_t sync_no_;
  const std::string sync_id_;
  const StreamPlan plan_;
  const std::shared_ptr<metrics::StreamMetrics> metrics_;

  mutable Mutex mutex_;
  std::shared_ptr<const StreamPlan> newest_plan_ ABSL_GUARDED_BY(mutex_);
  // By writer. A writer has more than one call until its older ones have ended.
  std::multimap<std::string, std::shared_ptr<WriterCall>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::sync

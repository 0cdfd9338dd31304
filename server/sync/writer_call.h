// WriterCall: one StreamRecords or AppendRecords call of one writer, without gRPC.
//
// Checks offsets, holds bytes of the budget, distributes batches over its lanes, holds pending
// checkpoints and reports the outcome exactly once. Owned by shared_ptr: the RPC, the session and
// queued lane tasks hold it. Thread-safe. Blocks only in lane tasks on the pool, so the RPC may
// call it on gRPC's threads.
//
// States: kOpen accepts batches; kEnding accepts none and commits what it has; kFailed drops what
// it has; kDone has reported the outcome. The state only moves forward.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "server/dataflow/aggregate_factory.h"
#include "server/dataflow/lane.h"
#include "server/metrics/metrics.h"
#include "server/model/checkpoint.h"
#include "server/model/offset_ranges.h"
#include "server/model/stream_plan.h"
#include "server/model/value_counts.h"
#include "server/model/writer.h"
#include "server/sync/lockstep.h"
#include "server/sync/pending_checkpoints.h"
#include "server/write/stream_state_store.h"

namespace syncline::sync {

// Dependencies and limits shared by the calls of one server. Every pointer must outlive them.
struct CallContext {
  dataflow::LaneContext* lanes = nullptr;
  const dataflow::AggregateFactory* aggregates = nullptr;
  int lanes_per_stream = 2;
  // A call stops reading while at least this many bytes are queued for its lanes, including
  // checkpoints. While another session's lock stops one of its lanes it does not read at all.
  int64_t max_queued_bytes = 4 << 20;
  std::optional<int64_t> max_rejected;
  // Releases the claim of a call that has ended with the given status. May block; runs on
  // `claim_pool`, in the stream's ClaimGroup.
  std::function<void(const WriterClaim&, const absl::Status&)> release;
  // Ends the claim of a call whose last commit has released it.
  std::function<void(const WriterClaim&)> forget;
  ThreadPool* claim_pool = nullptr;
};

// Returns the group of a stream in the pool that opens and releases writers: calls of one stream
// wait for the same locks.
uint64_t ClaimGroup(absl::string_view sync_id, const StreamDescriptor& descriptor);

struct CallSummary {
  int64_t durable_offset = 0;
  int64_t records_written = 0;
  int64_t records_skipped = 0;
  int64_t records_rejected = 0;
  ValueCounts values;  // of the records written
  // The newest checkpoint of the call that is in the ledger together with all earlier ones.
  std::string last_checkpoint_id = {};
};

class WriterCall final : public dataflow::LaneOwner,
                         public std::enable_shared_from_this<WriterCall> {
 public:
  // Called exactly once, with no lock held, after all of the call's work has finished.
  using Done = std::function<void(const absl::Status&, const CallSummary&)>;
  // Called after each commit, with no lock held, on the threads that the lanes run on and on
  // several of them at the same time; not after Done. Must not block. summary() has the new state.
  using Committed = std::function<void()>;

  // `committed` may be null.
  WriterCall(const CallContext* context, const StreamPlan& plan, absl::string_view sync_id,
             const WriterClaim& claim, const OffsetRanges& durable, int64_t rejected_before,
             std::shared_ptr<metrics::StreamMetrics> metrics, Done done,
             Committed committed = nullptr);
  ~WriterCall() override;

  // Accepts a batch, for which the caller has acquired `bytes` from the budget and `row_bytes` for
  // the rows that will be made of it; the call releases them. Calls `ready`, perhaps immediately,
  // when the next message may be read, which is after the commit if the caller waits for each
  // commit anyway; drops it if the call has ended. An invalid batch, or one that leaves a gap, ends
  // the call. A batch with `flush` is committed, with everything before it, as soon as the lanes
  // have parsed it.
  void Accept(std::unique_ptr<v1::RecordBatch> records, int64_t bytes, int64_t row_bytes,
              std::function<void()> ready);

  // Accepts a checkpoint of everything sent so far or, with `positions`, of what these writers of
  // the sync have sent. `ready` is called as in Accept.
  void AddCheckpoint(std::string checkpoint_id, std::string state,
                     std::vector<CheckpointPosition> positions, std::function<void()> ready);

  // Commits what was accepted, then ends with `status`, which is OK at half-close.
  void End(const absl::Status& status);

  // Drops what is not committed yet and ends with `status`.
  void Fail(const absl::Status& status);

  // Flushes lanes that have held data for longer than `age`.
  void FlushOlderThan(absl::Duration age);
  // Returns how long ago the oldest uncommitted record arrived, or zero if there is none.
  absl::Duration uncommitted_age() const;
  // Flushes idle lanes that hold data.
  void FlushIdle();

  // Returns what the call has committed so far.
  CallSummary summary() const;

  // What the call holds while another session's lock stops it.
  struct LockedData {
    absl::Time since;
    int64_t bytes = 0;
  };
  // Returns nullopt if no lock stops the call.
  std::optional<LockedData> locked_data() const;

  const WriterClaim& claim() const { return claim_; }

 private:
  enum class State { kOpen, kEnding, kFailed, kDone };

  // dataflow::LaneOwner
  std::shared_ptr<dataflow::LaneOwner> Self() override { return shared_from_this(); }
  dataflow::FlushPlan PlanFlush(const dataflow::Lane& lane, bool holds_rows, bool is_last) override;
  void OnAccepted(const dataflow::Accepted& accepted, int64_t bytes) override;
  void OnLocked(absl::Time since) override;
  void OnUnlocked() override;
  void OnFlushed(const write::FlushResult& flushed) override;
  void OnFailed(const absl::Status& status) override { Fail(status); }
  void OnIdle() override;

  // Counts the batch's records and checks their numbers against those accepted before. Errors:
  // INVALID_ARGUMENT; OUT_OF_RANGE OFFSET_GAP.
  absl::StatusOr<dataflow::Batch> Number(std::unique_ptr<v1::RecordBatch> records);
  void Dispatch(dataflow::Batch batch, std::function<void()> ready);
  dataflow::Lane* LeastBusyLane();
  // Returns the lane for a batch of `bytes` bytes that is to be flushed soon.
  dataflow::Lane* LaneToFlush(int64_t bytes);
  // Requests a flush of the lanes that have work, except `other`, which may be null. Returns
  // whether there are any.
  bool RequestFlushes(const dataflow::Lane* other);
  // Returns how many lanes to use. More lanes than available threads would only split the same rows
  // into smaller commits.
  std::ptrdiff_t UsefulLanes() const;
  void FlushLanes();
  void AddQueuedLocked(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Counts rejected records by reason. Returns whether the stream has too many of them now.
  bool CountRejected(const std::map<std::string, int64_t>& rejected);
  void ReportIfDone();
  void Report();
  // Continues to read if a read waits for a commit.
  void ReadOn();
  // Returns whether the call may continue to read.
  bool MayReadLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CallContext* const context_;
  const WriterClaim claim_;
  const uint64_t claim_group_;
  const std::shared_ptr<metrics::StreamMetrics> metrics_;
  std::vector<std::unique_ptr<dataflow::Lane>> lanes_;

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kOpen;
  absl::Status end_status_ ABSL_GUARDED_BY(mutex_);
  Done done_ ABSL_GUARDED_BY(mutex_);
  Committed committed_ ABSL_GUARDED_BY(mutex_);
  // Number of the record after the last one accepted.
  int64_t next_offset_ ABSL_GUARDED_BY(mutex_);
  // Number of the record after the last one sent; lower than next_offset_ while the caller resends
  // records.
  int64_t sent_to_ ABSL_GUARDED_BY(mutex_);
  CallSummary summary_ ABSL_GUARDED_BY(mutex_);
  // Rejected records of the stream: those in the ledger when the call began, and this call's.
  int64_t rejected_seen_ ABSL_GUARDED_BY(mutex_);
  int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // changed only by AddQueuedLocked
  // Batches that are numbered and not yet given to a lane.
  int64_t waiting_batches_ ABSL_GUARDED_BY(mutex_) = 0;
  int locked_lanes_ ABSL_GUARDED_BY(mutex_) = 0;  // stopped by another session's lock
  absl::Time locked_since_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> ready_ ABSL_GUARDED_BY(mutex_);  // called when MayReadLocked
  Lockstep lockstep_ ABSL_GUARDED_BY(mutex_);
  // ready_ also waits for a commit, or for a lane to become idle.
  bool late_ ABSL_GUARDED_BY(mutex_) = false;
  PendingCheckpoints checkpoints_ ABSL_GUARDED_BY(mutex_);  // their bytes are charged to the budget
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;             // the last commit released the claim
};

}  // namespace syncline::sync

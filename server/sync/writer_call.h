// WriterCall: one StreamRecords call of one writer, without gRPC.
//
// Checks offsets, takes bytes from the budget, spreads batches over its lanes, keeps the
// checkpoints that wait, and says once how the call ended. Owned by shared_ptr: the rpc, the
// session and queued lane tasks hold it. Thread-safe; never blocks but in lane tasks, so the rpc
// may call it from gRPC's threads.
//
// States: kOpen takes batches; kEnding takes no more and commits what it has; kFailed drops what it
// has; kDone has reported. They only go forward.
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
#include "server/dataflow/aggregate_factory.h"
#include "server/dataflow/lane.h"
#include "server/metrics/metrics.h"
#include "server/model/offset_ranges.h"
#include "server/model/plan.h"
#include "server/model/value_counts.h"
#include "server/write/stream_state_store.h"

namespace syncline::sync {

// What calls of one server share. All pointers outlive the calls.
struct CallContext {
  dataflow::LaneContext* lanes = nullptr;
  const dataflow::AggregateFactory* aggregates = nullptr;
  int lanes_per_stream = 2;
  // A call stops reading while this much is queued before its lanes, states of checkpoints
  // included.
  int64_t max_queued_bytes = 4 << 20;
  std::optional<int64_t> max_rejected;
  // Ends the claim of a call that is over, with the status that it ended with. May block.
  std::function<void(const WriterClaim&, const absl::Status&)> release;
};

struct CallSummary {
  int64_t durable_offset = 0;
  int64_t records_written = 0;
  int64_t records_skipped = 0;
  int64_t records_rejected = 0;
  ValueCounts values;  // of the records written
};

class WriterCall final : public dataflow::LaneOwner,
                         public std::enable_shared_from_this<WriterCall> {
 public:
  // Called once, without locks, when everything of the call has come to its end.
  using Done = std::function<void(const absl::Status&, const CallSummary&)>;

  WriterCall(const CallContext* context, const StreamPlan& plan, absl::string_view sync_id,
             const WriterClaim& claim, const OffsetRanges& durable, int64_t rejected_before,
             std::shared_ptr<metrics::StreamMetrics> metrics, Done done);
  ~WriterCall() override;

  // Takes a batch; `ready` is called, perhaps at once, when the next message may be read. It is
  // dropped when the call has ended, as it has when the batch is not valid or leaves a gap.
  void Accept(std::unique_ptr<v1::RecordBatch> records, std::function<void()> ready);

  // Takes a checkpoint of everything sent so far, or, with `positions`, of what these writers of
  // the sync have sent; `ready` as in Accept.
  void AddCheckpoint(std::string checkpoint_id, std::string state,
                     std::vector<CheckpointPosition> positions, std::function<void()> ready);

  // Commits what was accepted, then ends with `status`; OK at half-close.
  void End(const absl::Status& status);

  // Ends with `status` and drops what is not committed yet.
  void Fail(const absl::Status& status);

  // Flushes lanes that have held data for longer than `age`.
  void FlushOlderThan(absl::Duration age);
  // How long ago the oldest record arrived that is not committed; zero when there is none.
  absl::Duration uncommitted_age() const;
  // Flushes lanes that hold data and do nothing.
  void FlushIdle();

  const WriterClaim& claim() const { return claim_; }

 private:
  enum class State { kOpen, kEnding, kFailed, kDone };

  // dataflow::LaneOwner
  std::shared_ptr<dataflow::LaneOwner> Self() override { return shared_from_this(); }
  std::vector<PendingCheckpoint> Checkpoints() override;
  bool HasDueCheckpoint() override;
  bool EndsWith(const dataflow::Lane& lane) override;
  void OnAccepted(const dataflow::Accepted& accepted, int64_t bytes) override;
  void OnFlushed(const write::FlushResult& flushed) override;
  void OnFailed(const absl::Status& status) override { Fail(status); }
  void OnIdle() override;

  // Counts the batch's records and numbers them against what came before.
  absl::StatusOr<dataflow::Batch> Number(std::unique_ptr<v1::RecordBatch> records);
  void Dispatch(dataflow::Batch batch, std::function<void()> ready);
  dataflow::Lane* LeastBusyLane();
  // Lanes beyond the threads that are there for this call would only make more and smaller blocks
  // of the same rows, which their database pays for.
  std::ptrdiff_t UsefulLanes() const;
  void FlushLanes();
  void AddQueuedLocked(int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Counts rejected records, by reason; whether there are too many of the stream now.
  bool CountRejected(const std::map<std::string, int64_t>& rejected);
  void ReportIfDone();
  void Report();
  bool DueCheckpointLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whether the call may read on.
  bool HasRoomLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CallContext* const context_;
  const WriterClaim claim_;
  const std::shared_ptr<metrics::StreamMetrics> metrics_;
  std::vector<std::unique_ptr<dataflow::Lane>> lanes_;

  Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kOpen;
  absl::Status end_status_ ABSL_GUARDED_BY(mutex_);
  Done done_ ABSL_GUARDED_BY(mutex_);
  // Number of the record after the last one accepted.
  int64_t next_offset_ ABSL_GUARDED_BY(mutex_);
  // Number of the record after the last one sent: below next_offset_ while the caller repeats
  // itself.
  int64_t sent_to_ ABSL_GUARDED_BY(mutex_);
  CallSummary summary_ ABSL_GUARDED_BY(mutex_);
  // Of the stream: what the ledger had when the call began, and this call's since.
  int64_t rejected_seen_ ABSL_GUARDED_BY(mutex_);
  int64_t queued_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // by AddQueuedLocked
  // Batches between the caller and a lane: they wait for the budget.
  int64_t waiting_batches_ ABSL_GUARDED_BY(mutex_) = 0;
  std::function<void()> ready_ ABSL_GUARDED_BY(mutex_);  // waits for room
  std::vector<PendingCheckpoint> checkpoints_ ABSL_GUARDED_BY(mutex_);
  int64_t checkpoint_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of their states
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;           // the last commit ended the claim
};

}  // namespace syncline::sync

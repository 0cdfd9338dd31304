// Turns STATE messages into checkpoints, and what the server confirms into STATE messages on
// stdout.
//
// A STATE of one stream is a checkpoint of its writer, named by its offset. A STATE of all streams
// is one checkpoint with the position of every stream that has records, sent on the call of one
// stream; it is named by a hash of the positions, so that the same one is the same in every run.
// Checkpoints carry no state: what is printed is kept here.
//
// Take and Closed belong to the threads that own the lanes, OnEvent to the watcher's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "client/airbyte/state_tracker.h"
#include "client/airbyte/write_lane.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

class StatePassing {
 public:
  // Sends a checkpoint on the lane's call, behind all records seen so far; with positions, behind
  // those of all lanes. False when a lane broke meanwhile: it was marked as failed and the
  // checkpoint was not sent. An error ends the run.
  using Send =
      std::function<absl::StatusOr<bool>(WriteLane* lane, const v1::Checkpoint& checkpoint)>;

  // `lanes` must be complete before the first call of another function and outlive this.
  StatePassing(const std::vector<std::unique_ptr<WriteLane>>* lanes, int lane_count, Send send,
               StateTracker::Emit emit);

  // Once for each lane: it begins with `lane.skip_below` records of an earlier run, or as
  // completed.
  void Started(WriteLane* lane);

  // Takes a STATE line that covers the lane `only`, or all lanes when it is -1.
  absl::Status Take(absl::string_view line, bool empty, int only);

  // The lane's call was answered: all that it was sent is committed.
  void Closed(const WriteLane& lane);

  // The lane's stream is published.
  void Completed(const WriteLane& lane) { tracker_.Completed(lane.index); }

  void OnEvent(const v1::WatchSyncResponse& event);

  // States that were not printed: those that wait, and those of streams that failed.
  int64_t withheld() const { return withheld_ + tracker_.pending(); }

 private:
  absl::Status SendOwn(WriteLane* lane);
  absl::Status SendForAll();
  WriteLane* FindOpenLane() const;
  WriteLane* FindLane(const v1::StreamDescriptor& descriptor) const;
  v1::Checkpoint MakeCheckpoint(const std::vector<WriteLane::Position>& positions) const;
  void OnCheckpoint(const v1::CheckpointCommitted& committed);
  void Reach(const std::vector<WriteLane::Position>& positions);

  const std::vector<std::unique_ptr<WriteLane>>* const lanes_;
  const Send send_;
  absl::flat_hash_map<std::string, WriteLane*> lane_of_target_;
  StateTracker tracker_;
  int64_t withheld_ = 0;
  bool covers_all_ = false;  // there was a STATE of all streams
  std::vector<WriteLane::Position> last_positions_;

  Mutex mutex_;
  // Checkpoints of several lanes: what each stands for until it is committed, and those of earlier
  // runs that are committed already.
  absl::flat_hash_map<std::string, std::vector<WriteLane::Position>> sent_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::string> committed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::client

// Sends checkpoints for STATE messages, and emits each STATE once the server has committed what it
// covers.
//
// A checkpoint of one stream belongs to its writer and is named by its offset. A STATE of all
// streams needs a checkpoint with the position of every stream that has records, sent on the call
// of one stream and named by a hash of the positions, so that it has the same name in every run.
// Checkpoints carry no state: the lines to print are kept in this process.
//
// A STATE waits for a checkpoint at its place or later, so most need none of their own. Take only
// notes what is due, in place of an earlier STATE's; the newest is sent when the lane's records
// are, or by SendReady. It is always at the place of a STATE: rows after the last STATE are sent
// again.
//
// A lane is one stream of the catalog. Take and Closed are called by the threads that own the
// lanes, OnDurable by threads of gRPC.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
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
  // Sends a checkpoint on the lane's call, after the marked records of its batch and before the
  // later ones; a checkpoint with positions, after the records of all lanes. Returns false if a
  // lane broke meanwhile: that lane is marked as failed, and the checkpoint was not sent. An error
  // ends the run.
  using Send =
      std::function<absl::StatusOr<bool>(WriteLane* lane, const v1::Checkpoint& checkpoint)>;

  // `lanes` must be complete before Take is called and must outlive this object.
  StatePassing(const std::vector<std::unique_ptr<WriteLane>>* lanes, int lane_count, Send send,
               StateTracker::Emit emit);

  // Call it once for each lane, before its first record. The lane begins with `lane.skip_below`
  // records of an earlier run, or as completed.
  void Started(WriteLane* lane);

  // Takes a STATE line that covers the lane `only`, or all lanes if it is -1. `empty` is
  // StateMessage::empty.
  void Take(absl::string_view line, bool empty, int only);

  // Sends the checkpoint that is due for the lane alone, if any. Call it before the records of the
  // lane's batch are sent.
  absl::Status SendOwn(WriteLane* lane);

  // Sends the checkpoint of all lanes that is due, if any. Call it before a lane ends.
  absl::Status SendForAll();

  // Sends what is due, except after a checkpoint that is not known to be in the ledger: until then
  // newer states replace what is due.
  absl::Status SendReady();

  // The lane's call ended successfully: everything that it sent is committed.
  void Closed(const WriteLane& lane);

  // The lane's stream is published.
  void Completed(const WriteLane& lane) { tracker_.Completed(lane.index); }

  // An earlier run of the sync id has committed the checkpoint. Call it before Take.
  void TakeEarlier(const v1::CheckpointCommitted& committed);

  // An answer of the lane's call: its first `durable_offset` records are committed, and the
  // checkpoints up to `checkpoint_id`, if that is not empty, are in the ledger.
  void OnDurable(const WriteLane& lane, int64_t durable_offset, const std::string& checkpoint_id);

  // Returns the number of states that were not emitted: pending ones, and those of streams that
  // failed.
  int64_t withheld() const { return withheld_ + tracker_.pending(); }

 private:
  static void NoteOwn(WriteLane* lane);
  void NoteForAll();
  WriteLane* FindOpenLane() const;
  WriteLane* FindLane(const v1::StreamDescriptor& descriptor) const;
  struct DueForAll {
    int64_t records;  // of all lanes before it, also of completed ones
    std::vector<WriteLane::Position> positions;
  };
  v1::Checkpoint MakeCheckpoint(const DueForAll& due) const;
  // The checkpoint of all lanes that was sent on the call of `lane`, and with it all earlier ones
  // of that call, are in the ledger.
  void MarkStored(const WriteLane& lane, absl::string_view checkpoint_id);

  const std::vector<std::unique_ptr<WriteLane>>* const lanes_;
  const Send send_;
  absl::flat_hash_map<std::string, WriteLane*> lane_of_target_;
  StateTracker tracker_;
  int64_t withheld_ = 0;
  bool covers_all_ = false;  // a STATE of all streams has been seen
  std::vector<WriteLane::Position> last_positions_;
  std::optional<DueForAll> due_for_all_;

  // The records before the newest checkpoint of all lanes that earlier runs committed. The input of
  // all runs is the same, so a state with at most as many records before it is covered.
  int64_t committed_records_ = 0;

  // A checkpoint of all lanes that is not yet known to be in the ledger.
  struct SentForAll {
    int lane = 0;  // that it was sent on
    std::string id;
    int64_t own = 0;  // the lane's last checkpoint of its own before it
    std::vector<WriteLane::Position> positions;
  };
  Mutex mutex_;
  std::vector<SentForAll> sent_ ABSL_GUARDED_BY(mutex_);  // in the order of sending
};

}  // namespace syncline::client

#include "client/airbyte/state_passing.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "client/airbyte/messages.h"

namespace syncline::client {
namespace {

constexpr absl::string_view kStreamPrefix = "offset-";
constexpr absl::string_view kAllPrefix = "positions-";
constexpr size_t kHashDigits = 32;

std::string DescriptorKey(const v1::StreamDescriptor& descriptor) {
  return absl::StrCat(descriptor.namespace_(), absl::string_view("\0", 1), descriptor.name());
}

}  // namespace

StatePassing::StatePassing(const std::vector<std::unique_ptr<WriteLane>>* lanes, int lane_count,
                           Send send, StateTracker::Emit emit)
    : lanes_(lanes), send_(std::move(send)), tracker_(lane_count, std::move(emit)) {}

void StatePassing::Started(WriteLane* lane) {
  lane_of_target_[DescriptorKey(lane->target)] = lane;
  tracker_.Durable(lane->index, lane->skip_below);
  if (lane->completed_before) tracker_.Completed(lane->index);
}

void StatePassing::Take(absl::string_view line, bool empty, int only) {
  int64_t records = 0;
  bool failed = false;
  std::vector<StateTracker::Requirement> requirements;
  for (const auto& lane : *lanes_) {
    if (only >= 0 && lane->index != only) continue;
    lane->state_at = lane->seen;
    failed = failed || lane->failed;
    if (lane->seen == 0 || lane->completed_before) continue;
    requirements.push_back({lane->index, lane->seen, !empty});
  }
  // The state is neither emitted nor sent as a checkpoint: the next sync resumes before it.
  if (failed) {
    ++withheld_;
    return;
  }
  for (const auto& lane : *lanes_) {
    if (only >= 0 && lane->index != only) continue;
    records += lane->seen - std::exchange(lane->counted, lane->seen);
  }
  covers_all_ = covers_all_ || only < 0;
  if (!empty && !requirements.empty()) {
    // After a checkpoint of all lanes, the newest of those is the one that counts for each lane.
    if (covers_all_) {
      NoteForAll();
    } else {
      NoteOwn((*lanes_)[static_cast<size_t>(only)].get());
    }
  }
  tracker_.Add(WithDestinationStats(line, records), only, std::move(requirements));
}

void StatePassing::NoteOwn(WriteLane* lane) {
  // Among the records of an earlier run, the checkpoints of that run or the next one of this run
  // count.
  if (lane->phase != WriteLane::Phase::kOpen || lane->seen < lane->skip_below ||
      lane->sent_checkpoint == lane->seen) {
    return;
  }
  lane->due_checkpoint = lane->seen;
  lane->batch->Mark();
}

absl::Status StatePassing::SendOwn(WriteLane* lane) {
  if (lane->due_checkpoint < 0) return absl::OkStatus();
  const int64_t offset = std::exchange(lane->due_checkpoint, -1);
  v1::Checkpoint checkpoint;
  checkpoint.set_checkpoint_id(absl::StrCat(kStreamPrefix, offset));
  SYNCLINE_ASSIGN_OR_RETURN(const bool sent, send_(lane, checkpoint));
  if (sent) lane->sent_checkpoint = offset;
  return absl::OkStatus();
}

void StatePassing::NoteForAll() {
  DueForAll due = {0, {}};
  for (const auto& lane : *lanes_) {
    // Nothing more can be sent for all lanes, and the records of this one are no longer counted.
    if (lane->failed) return;
    due.records += lane->seen;
    if (lane->seen > 0 && !lane->completed_before) {
      due.positions.push_back({lane->index, lane->seen});
    }
  }
  if (due.positions == last_positions_) return;
  last_positions_ = due.positions;
  if (due.records <= committed_records_) {
    tracker_.Stored(std::move(due.positions));
  } else {
    due_for_all_ = std::move(due);
  }
}

absl::Status StatePassing::SendForAll() {
  WriteLane* const lane = FindOpenLane();
  if (!due_for_all_.has_value() || lane == nullptr) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(SendOwn(lane));
  const DueForAll due = *std::exchange(due_for_all_, std::nullopt);
  const v1::Checkpoint checkpoint = MakeCheckpoint(due);
  {
    MutexLock lock(&mutex_);
    sent_.push_back(
        {lane->index, checkpoint.checkpoint_id(), lane->sent_checkpoint, due.positions});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const bool sent, send_(lane, checkpoint));
  if (sent) lane->sent_for_all = checkpoint.checkpoint_id();
  return absl::OkStatus();
}

absl::Status StatePassing::SendReady() {
  for (const auto& lane : *lanes_) {
    if (lane->due_checkpoint < 0 || lane->failed) continue;
    if (tracker_.checkpoint(lane->index) < lane->sent_checkpoint) continue;
    SYNCLINE_RETURN_IF_ERROR(SendOwn(lane.get()));
  }
  {
    MutexLock lock(&mutex_);
    if (!sent_.empty()) return absl::OkStatus();
  }
  return SendForAll();
}

// Returns the open lane with the most records, which usually has a call, or null if none is open.
WriteLane* StatePassing::FindOpenLane() const {
  WriteLane* found = nullptr;
  for (const auto& lane : *lanes_) {
    if (lane->phase != WriteLane::Phase::kOpen || lane->failed) continue;
    if (found == nullptr || lane->seen > found->seen) found = lane.get();
  }
  return found;
}

v1::Checkpoint StatePassing::MakeCheckpoint(const DueForAll& due) const {
  v1::Checkpoint checkpoint;
  std::string text;
  for (const WriteLane::Position& position : due.positions) {
    v1::Position* const added = checkpoint.add_positions();
    *added->mutable_descriptor() = (*lanes_)[static_cast<size_t>(position.lane)]->target;
    added->set_offset(position.offset);
    absl::StrAppend(&text, added->descriptor().namespace_(), absl::string_view("\0", 1),
                    added->descriptor().name(), absl::string_view("\0", 1), position.offset, "\n");
  }
  checkpoint.set_checkpoint_id(
      absl::StrCat(kAllPrefix, due.records, "-", Sha256Hex(text, kHashDigits)));
  return checkpoint;
}

void StatePassing::Closed(const WriteLane& lane) {
  tracker_.Durable(lane.index, lane.writer->next_offset());
  tracker_.Checkpointed(lane.index, lane.sent_checkpoint);
  MarkStored(lane, lane.sent_for_all);
}

WriteLane* StatePassing::FindLane(const v1::StreamDescriptor& descriptor) const {
  const auto found = lane_of_target_.find(DescriptorKey(descriptor));
  return found == lane_of_target_.end() ? nullptr : found->second;
}

void StatePassing::TakeEarlier(const v1::CheckpointCommitted& committed) {
  WriteLane* const lane = FindLane(committed.descriptor());
  if (lane == nullptr || !committed.writer_id().empty()) return;
  absl::string_view id = committed.checkpoint_id();
  if (absl::ConsumePrefix(&id, kAllPrefix)) {
    int64_t records = 0;
    if (absl::SimpleAtoi(id.substr(0, id.find('-')), &records)) {
      committed_records_ = std::max(committed_records_, records);
    }
  } else {
    tracker_.Checkpointed(lane->index, committed.offset());
  }
}

void StatePassing::OnDurable(const WriteLane& lane, int64_t durable_offset,
                             const std::string& checkpoint_id) {
  tracker_.Durable(lane.index, durable_offset);
  absl::string_view id = checkpoint_id;
  int64_t offset = 0;
  if (absl::ConsumePrefix(&id, kStreamPrefix) && absl::SimpleAtoi(id, &offset)) {
    tracker_.Checkpointed(lane.index, offset);
  } else if (!checkpoint_id.empty()) {
    MarkStored(lane, checkpoint_id);
  }
}

void StatePassing::MarkStored(const WriteLane& lane, absl::string_view checkpoint_id) {
  SentForAll stored;
  {
    MutexLock lock(&mutex_);
    const auto newest = std::find_if(sent_.begin(), sent_.end(), [&](const SentForAll& sent) {
      return sent.lane == lane.index && sent.id == checkpoint_id;
    });
    if (newest == sent_.end()) return;  // it was marked before
    stored = std::move(*newest);
    // The positions of a lane only grow, so those of earlier checkpoints are covered, too.
    sent_.erase(std::remove_if(sent_.begin(), newest + 1,
                               [&](const SentForAll& sent) { return sent.lane == lane.index; }),
                newest + 1);
  }
  tracker_.Checkpointed(lane.index, stored.own);
  tracker_.Stored(std::move(stored.positions));
}

}  // namespace syncline::client

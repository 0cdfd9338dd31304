#include "client/airbyte/state_passing.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
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

absl::Status StatePassing::Take(absl::string_view line, bool empty, int only) {
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
    return absl::OkStatus();
  }
  for (const auto& lane : *lanes_) {
    if (only >= 0 && lane->index != only) continue;
    records += lane->seen - std::exchange(lane->counted, lane->seen);
  }
  covers_all_ = covers_all_ || only < 0;
  if (!empty && !requirements.empty()) {
    // After a checkpoint of all lanes, the newest of those is the one that counts for each lane.
    SYNCLINE_RETURN_IF_ERROR(covers_all_ ? SendForAll()
                                         : SendOwn((*lanes_)[static_cast<size_t>(only)].get()));
  }
  tracker_.Add(WithDestinationStats(line, records), only, std::move(requirements));
  return absl::OkStatus();
}

absl::Status StatePassing::SendOwn(WriteLane* lane) {
  // Among the records of an earlier run, the checkpoints of that run or the next one of this run
  // count.
  if (lane->phase != WriteLane::Phase::kOpen || lane->seen < lane->skip_below ||
      lane->sent_checkpoint == lane->seen) {
    return absl::OkStatus();
  }
  v1::Checkpoint checkpoint;
  checkpoint.set_checkpoint_id(absl::StrCat(kStreamPrefix, lane->seen));
  SYNCLINE_ASSIGN_OR_RETURN(const bool sent, send_(lane, checkpoint));
  if (sent) lane->sent_checkpoint = lane->seen;
  return absl::OkStatus();
}

absl::Status StatePassing::SendForAll() {
  std::vector<WriteLane::Position> positions;
  for (const auto& lane : *lanes_) {
    if (lane->seen > 0 && !lane->completed_before) positions.push_back({lane->index, lane->seen});
  }
  WriteLane* const lane = FindOpenLane();
  if (lane == nullptr || positions == last_positions_) return absl::OkStatus();
  const v1::Checkpoint checkpoint = MakeCheckpoint(positions);
  if (committed_.contains(checkpoint.checkpoint_id())) {
    MarkReached(positions);
  } else {
    {
      MutexLock lock(&mutex_);
      sent_.push_back({lane->index, checkpoint.checkpoint_id(), positions});
    }
    SYNCLINE_ASSIGN_OR_RETURN(const bool sent, send_(lane, checkpoint));
    if (!sent) return absl::OkStatus();
    lane->sent_positions = positions;
  }
  last_positions_ = std::move(positions);
  return absl::OkStatus();
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

v1::Checkpoint StatePassing::MakeCheckpoint(
    const std::vector<WriteLane::Position>& positions) const {
  v1::Checkpoint checkpoint;
  std::string text;
  int64_t records = 0;
  for (const WriteLane::Position& position : positions) {
    v1::Position* const added = checkpoint.add_positions();
    *added->mutable_descriptor() = (*lanes_)[static_cast<size_t>(position.lane)]->target;
    added->set_offset(position.offset);
    records += position.offset;
    absl::StrAppend(&text, added->descriptor().namespace_(), absl::string_view("\0", 1),
                    added->descriptor().name(), absl::string_view("\0", 1), position.offset, "\n");
  }
  checkpoint.set_checkpoint_id(
      absl::StrCat(kAllPrefix, records, "-", Sha256Hex(text, kHashDigits)));
  return checkpoint;
}

void StatePassing::Closed(const WriteLane& lane) {
  tracker_.Durable(lane.index, lane.writer->next_offset());
  tracker_.Checkpointed(lane.index, lane.sent_checkpoint);
  MarkReached(lane.sent_positions);
}

void StatePassing::MarkReached(const std::vector<WriteLane::Position>& positions) {
  for (const WriteLane::Position& position : positions) {
    tracker_.Checkpointed(position.lane, position.offset);
  }
}

WriteLane* StatePassing::FindLane(const v1::StreamDescriptor& descriptor) const {
  const auto found = lane_of_target_.find(DescriptorKey(descriptor));
  return found == lane_of_target_.end() ? nullptr : found->second;
}

void StatePassing::TakeEarlier(const v1::CheckpointCommitted& committed) {
  WriteLane* const lane = FindLane(committed.descriptor());
  if (lane == nullptr || !committed.writer_id().empty()) return;
  if (absl::StartsWith(committed.checkpoint_id(), kAllPrefix)) {
    committed_.insert(committed.checkpoint_id());
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
    MarkReached(TakeSent(lane, checkpoint_id));
  }
}

std::vector<WriteLane::Position> StatePassing::TakeSent(const WriteLane& lane,
                                                        absl::string_view checkpoint_id) {
  MutexLock lock(&mutex_);
  const auto newest = std::find_if(sent_.begin(), sent_.end(), [&](const SentForAll& sent) {
    return sent.lane == lane.index && sent.id == checkpoint_id;
  });
  if (newest == sent_.end()) return {};  // an answer that repeats the id
  std::vector<WriteLane::Position> positions = std::move(newest->positions);
  // The positions of a lane only grow, so those of earlier checkpoints are reached, too.
  sent_.erase(std::remove_if(sent_.begin(), newest + 1,
                             [&](const SentForAll& sent) { return sent.lane == lane.index; }),
              newest + 1);
  return positions;
}

}  // namespace syncline::client

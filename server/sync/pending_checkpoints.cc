#include "server/sync/pending_checkpoints.h"

#include <algorithm>
#include <utility>

namespace syncline::sync {
namespace {

int64_t HeldBytes(const PendingCheckpoint& checkpoint) {
  size_t bytes = sizeof(checkpoint) + checkpoint.checkpoint_id.size() + checkpoint.state.size();
  for (const CheckpointPosition& position : checkpoint.positions) {
    bytes += sizeof(position) + position.descriptor.name_space.size() +
             position.descriptor.name.size() + position.writer_id.size();
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace

int64_t PendingCheckpoints::Add(std::string checkpoint_id, std::string state,
                                std::vector<CheckpointPosition> positions, int64_t offset) {
  PendingCheckpoint checkpoint = {std::move(checkpoint_id), offset, std::move(state),
                                  std::move(positions), ++last_number_};
  const bool is_global = !checkpoint.positions.empty();
  if (is_global) {
    checkpoint.offset = 0;
  } else if (!own_.empty()) {
    // Lower if the caller has sent records again; then it does not precede the earlier one.
    checkpoint.offset = std::max(checkpoint.offset, own_.back().offset);
  }
  const int64_t bytes = HeldBytes(checkpoint);
  bytes_ += bytes;
  (is_global ? global_ : own_).push_back(std::move(checkpoint));
  return bytes;
}

bool PendingCheckpoints::IsDue(int64_t durable_offset) const {
  return !global_.empty() || (!own_.empty() && own_.front().offset <= durable_offset);
}

std::vector<PendingCheckpoint> PendingCheckpoints::CopyDue(int64_t durable_offset) const {
  const auto end = std::upper_bound(own_.begin(), own_.end(), durable_offset,
                                    [](int64_t offset, const PendingCheckpoint& checkpoint) {
                                      return offset < checkpoint.offset;
                                    });
  std::vector<PendingCheckpoint> due(own_.begin(), end);
  due.insert(due.end(), global_.begin(), global_.end());
  return due;
}

int64_t PendingCheckpoints::Remove(const std::vector<PendingCheckpoint>& committed) {
  const int64_t before = bytes_;
  for (const PendingCheckpoint& checkpoint : committed) {
    std::deque<PendingCheckpoint>& pending = checkpoint.positions.empty() ? own_ : global_;
    // Another lane may have written the same ones; the ledger keeps the first.
    if (pending.empty() || pending.front().number > checkpoint.number) continue;
    bytes_ -= HeldBytes(pending.front());
    NoteRemoved(pending.front().number, std::move(pending.front().checkpoint_id));
    pending.pop_front();
  }
  return before - bytes_;
}

void PendingCheckpoints::NoteRemoved(int64_t number, std::string id) {
  removed_early_[number] = std::move(id);
  for (auto next = removed_early_.begin();
       next != removed_early_.end() && next->first == removed_to_ + 1;
       next = removed_early_.erase(next)) {
    removed_to_ = next->first;
    last_removed_id_ = std::move(next->second);
  }
}

}  // namespace syncline::sync

#include "client/singer/checkpoint_progress.h"

#include <utility>

namespace syncline::client {

void CheckpointProgress::Sending(int64_t number, int sender, std::vector<Position> positions) {
  MutexLock lock(&mutex_);
  sent_.push_back({number, sender, std::move(positions)});
}

int64_t CheckpointProgress::Durable(int stream, int64_t offset) {
  MutexLock lock(&mutex_);
  int64_t& known = durable_[stream];
  if (offset > known) {
    known = offset;
    return AdvanceLocked();
  }
  return committed_;
}

int64_t CheckpointProgress::Stored(int stream, int64_t number) {
  MutexLock lock(&mutex_);
  for (Sent& sent : sent_) {
    if (sent.sender == stream && sent.number <= number) sent.stored = true;
  }
  return AdvanceLocked();
}

bool CheckpointProgress::HasUncommitted() const {
  MutexLock lock(&mutex_);
  return !sent_.empty();
}

bool CheckpointProgress::IsCommittedLocked(const Sent& sent) {
  if (!sent.stored) return false;
  for (const Position& position : sent.positions) {
    if (durable_[position.stream] < position.offset) return false;
  }
  return true;
}

int64_t CheckpointProgress::AdvanceLocked() {
  for (auto sent = sent_.rbegin(); sent != sent_.rend(); ++sent) {
    if (!IsCommittedLocked(*sent)) continue;
    committed_ = sent->number;
    sent_.erase(sent_.begin(), sent.base());
    break;
  }
  return committed_;
}

}  // namespace syncline::client

#include "client/singer/checkpoint_progress.h"

#include <algorithm>
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

int64_t CheckpointProgress::AdvanceLocked() {
  std::map<int, int64_t>& durable = durable_;  // the lambdas do not know that it is locked
  const auto newest = std::find_if(sent_.rbegin(), sent_.rend(), [&durable](const Sent& sent) {
    return sent.stored && std::all_of(sent.positions.begin(), sent.positions.end(),
                                      [&durable](const Position& position) {
                                        return durable[position.stream] >= position.offset;
                                      });
  });
  if (newest == sent_.rend()) return committed_;
  committed_ = newest->number;
  sent_.erase(sent_.begin(), newest.base());
  return committed_;
}

}  // namespace syncline::client

#include "client/airbyte/state_tracker.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>

namespace syncline::client {

StateTracker::StateTracker(int lanes, Emit emit)
    : emit_(std::move(emit)), lanes_(static_cast<size_t>(lanes)) {}

void StateTracker::Add(std::string line, int lane, std::vector<Requirement> requirements) {
  {
    MutexLock lock(&mutex_);
    Pending state = {std::move(line), lane, std::move(requirements)};
    // The new state cannot release an earlier one, so that these need not be examined.
    const bool blocked =
        lane < 0 ? !pending_.empty() : lanes_[static_cast<size_t>(lane)].waiting + waiting_all_ > 0;
    if (!blocked && IsMet(state)) {
      ready_.push_back(std::move(state.line));
    } else {
      if (lane < 0) ++waiting_all_;
      if (lane >= 0 && lanes_[static_cast<size_t>(lane)].waiting++ == 0) ++busy_lanes_;
      pending_.push_back(std::move(state));
    }
  }
  EmitReady();
}

void StateTracker::Durable(int lane, int64_t offset) { Raise(&Lane::durable, lane, offset); }

void StateTracker::Checkpointed(int lane, int64_t offset) {
  Raise(&Lane::checkpoint, lane, offset);
}

void StateTracker::Stored(std::vector<Position> positions) {
  if (positions.empty()) return;
  {
    MutexLock lock(&mutex_);
    stored_.push_back(std::move(positions));
    ApplyStored();
    Collect();
  }
  EmitReady();
}

void StateTracker::Completed(int lane) {
  Durable(lane, std::numeric_limits<int64_t>::max());
  Checkpointed(lane, std::numeric_limits<int64_t>::max());
}

void StateTracker::Raise(int64_t Lane::*member, int lane, int64_t offset) {
  {
    MutexLock lock(&mutex_);
    int64_t& known = lanes_[static_cast<size_t>(lane)].*member;
    if (offset <= known) return;
    known = offset;
    ApplyStored();
    Collect();
  }
  EmitReady();
}

// Their order does not matter, because a lane's newest checkpoint only grows.
void StateTracker::ApplyStored() {
  size_t kept = 0;
  for (std::vector<Position>& positions : stored_) {
    bool durable = true;
    for (const Position& position : positions) {
      durable = durable && lanes_[static_cast<size_t>(position.lane)].durable >= position.offset;
    }
    if (!durable) {
      std::swap(stored_[kept++], positions);
      continue;
    }
    for (const Position& position : positions) {
      int64_t& known = lanes_[static_cast<size_t>(position.lane)].checkpoint;
      known = std::max(known, position.offset);
    }
  }
  stored_.resize(kept);
}

int64_t StateTracker::checkpoint(int lane) const {
  MutexLock lock(&mutex_);
  return lanes_[static_cast<size_t>(lane)].checkpoint;
}

int64_t StateTracker::pending() const {
  MutexLock lock(&mutex_);
  return static_cast<int64_t>(pending_.size());
}

bool StateTracker::IsMet(const Pending& state) const {
  for (const Requirement& requirement : state.requirements) {
    const Lane& lane = lanes_[static_cast<size_t>(requirement.lane)];
    if (lane.durable < requirement.offset) return false;
    if (requirement.checkpoint && lane.checkpoint < requirement.offset) return false;
  }
  return true;
}

// Moves the states that may be emitted to ready_. A state that must wait holds back the later ones
// of its lanes. Once every lane with pending states is held, the rest is not examined.
void StateTracker::Collect() {
  std::vector<bool> held(lanes_.size(), false);
  size_t held_lanes = 0;
  bool all_held = false;
  size_t kept = 0;
  size_t next = 0;
  for (; next < pending_.size() && !all_held; ++next) {
    if (held_lanes > 0 && held_lanes == busy_lanes_) break;
    Pending& state = pending_[next];
    const size_t lane = static_cast<size_t>(std::max(state.lane, 0));
    const bool blocked = state.lane < 0 ? kept > 0 : static_cast<bool>(held[lane]);
    if (!blocked && IsMet(state)) {
      ready_.push_back(std::move(state.line));
      if (state.lane < 0) --waiting_all_;
      if (state.lane >= 0 && --lanes_[lane].waiting == 0) --busy_lanes_;
      continue;
    }
    if (state.lane < 0) {
      all_held = true;
    } else if (!held[lane]) {
      held[lane] = true;
      ++held_lanes;
    }
    if (kept != next) pending_[kept] = std::move(state);
    ++kept;
  }
  pending_.erase(pending_.begin() + static_cast<std::ptrdiff_t>(kept),
                 pending_.begin() + static_cast<std::ptrdiff_t>(next));
}

void StateTracker::EmitReady() {
  mutex_.Lock();
  if (emitting_) {  // that thread also emits ours
    mutex_.Unlock();
    return;
  }
  emitting_ = true;
  while (!ready_.empty()) {
    const std::string line = std::move(ready_.front());
    ready_.pop_front();
    mutex_.Unlock();
    emit_(line);
    mutex_.Lock();
  }
  emitting_ = false;
  mutex_.Unlock();
}

}  // namespace syncline::client

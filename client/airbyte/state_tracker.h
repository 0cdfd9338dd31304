// Holds STATE messages until all that they cover is committed, and hands them out in order.
//
// A lane is one stream of the catalog. A state belongs to the lanes that it covers and comes out
// when it is the oldest state in each of them and its requirements are met. Thread-safe; `emit` is
// called on whichever thread met the last requirement, never on two at once and never with a lock
// held.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace syncline::client {

class StateTracker {
 public:
  using Emit = std::function<void(const std::string& line)>;

  // What must be durable in one lane.
  struct Requirement {
    int lane;
    int64_t offset;      // records before the state
    int64_t checkpoint;  // number of the checkpoint that was sent there
  };

  StateTracker(int lanes, Emit emit);

  // Takes the next state: its final line; the lane it covers, or -1 for all; what it waits for.
  void Add(std::string line, int lane, std::vector<Requirement> requirements);

  // The checkpoint of that number, and every earlier one, is committed in `lane`.
  void CheckpointCommitted(int lane, int64_t checkpoint);

  // The first `offset` records of `lane` are known to be committed, because the call that sent them
  // was answered.
  void Drained(int lane, int64_t offset);

  int64_t pending() const;

 private:
  struct Pending {
    std::string line;
    int lane;
    std::vector<Requirement> requirements;
  };
  struct Lane {
    int64_t checkpoint = -1;
    int64_t offset = 0;
  };

  bool IsMet(const Pending& state) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Collect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EmitReady();

  const Emit emit_;
  mutable Mutex mutex_;
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mutex_);
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> ready_ ABSL_GUARDED_BY(mutex_);
  bool emitting_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline::client

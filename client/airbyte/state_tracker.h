// Holds STATE messages until all that they cover is committed, and hands them out in order.
//
// A lane is one stream of the catalog. A state belongs to the lanes that it covers and comes out
// when it is the oldest state in each of them and its requirements are met. Requirements are record
// counts that the server has confirmed, never the order or the names of checkpoints: which run sent
// a checkpoint, or where it stood, cannot release a state too early. Thread-safe; `emit` is called
// on whichever thread met the last requirement, never on two at once and never with a lock held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace syncline::client {

class StateTracker {
 public:
  using Emit = std::function<void(const std::string& line)>;

  // What must be committed in one lane.
  struct Requirement {
    int lane;
    int64_t offset;  // records before the state
    // Whether the ledger must also hold a checkpoint there or later. Without one, the next sync of
    // a source that goes on after this state would delete the staged rows before it.
    bool checkpoint = true;
  };

  StateTracker(int lanes, Emit emit);

  // Takes the next state: its final line; the lane it covers, or -1 for all; what it waits for.
  void Add(std::string line, int lane, std::vector<Requirement> requirements);

  // The first `offset` records of `lane` are committed.
  void Durable(int lane, int64_t offset);

  // The ledger holds a checkpoint of `lane` at `offset` records or later.
  void Checkpointed(int lane, int64_t offset);

  // The stream is published: nothing of it can be taken back.
  void Completed(int lane);

  // States that wait.
  int64_t pending() const;

 private:
  struct Pending {
    std::string line;
    int lane;
    std::vector<Requirement> requirements;
  };
  struct Lane {
    int64_t durable = 0;
    int64_t checkpoint = 0;
    int64_t waiting = 0;  // states of this lane alone that wait
  };

  void Raise(int64_t Lane::*member, int lane, int64_t offset);
  bool IsMet(const Pending& state) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Collect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EmitReady();

  const Emit emit_;
  mutable Mutex mutex_;
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mutex_);
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mutex_);
  size_t busy_lanes_ ABSL_GUARDED_BY(mutex_) = 0;  // lanes with waiting states
  std::deque<std::string> ready_ ABSL_GUARDED_BY(mutex_);
  bool emitting_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline::client

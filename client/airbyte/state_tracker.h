// Holds STATE messages until everything that they cover is committed, and emits them in order.
//
// A lane is one stream of the catalog. A state belongs to the lanes that it covers. It is emitted
// when it is the oldest state in each of them and its requirements are met. Requirements are record
// counts that the server has confirmed. They do not depend on the order, names or runs of
// checkpoints, so none of these can release a state too early. Thread-safe. `emit` is called on a
// thread that calls Add, Durable, Checkpointed, Stored or Completed, never on two threads at once
// and never with a lock held.
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

  // The number of records of one lane that must be committed.
  struct Requirement {
    int lane;
    int64_t offset;  // records before the state
    // Whether the ledger must also hold a checkpoint there or later. Without one, the next sync of
    // a source that resumes after this state would delete the staged rows before it.
    bool checkpoint = true;
  };

  // The number of a lane's records before a checkpoint.
  struct Position {
    int lane;
    int64_t offset;
    friend bool operator==(const Position& a, const Position& b) {
      return a.lane == b.lane && a.offset == b.offset;
    }
  };

  StateTracker(int lanes, Emit emit);

  // Adds the next state: its final line, the lane that it covers (-1 for all), and its
  // requirements.
  void Add(std::string line, int lane, std::vector<Requirement> requirements);

  // The first `offset` records of `lane` are committed.
  void Durable(int lane, int64_t offset);

  // The ledger holds a checkpoint of `lane` at `offset` records or later.
  void Checkpointed(int lane, int64_t offset);

  // The ledger holds a checkpoint of several lanes. It is committed, and then counts like one of
  // each lane, once the records before all of its positions are.
  void Stored(std::vector<Position> positions);

  // The stream is published, so all states of the lane are met: nothing of it can be undone.
  void Completed(int lane);

  // Returns the offset of the lane's newest known checkpoint.
  int64_t checkpoint(int lane) const;

  // Returns the number of states that have not been emitted.
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
    int64_t waiting = 0;  // pending states of this lane alone
  };

  void Raise(int64_t Lane::*member, int lane, int64_t offset);
  bool IsMet(const Pending& state) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ApplyStored() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Collect() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EmitReady();

  const Emit emit_;
  mutable Mutex mutex_;
  std::vector<Lane> lanes_ ABSL_GUARDED_BY(mutex_);
  // Checkpoints of several lanes that are in the ledger but not committed.
  std::vector<std::vector<Position>> stored_ ABSL_GUARDED_BY(mutex_);
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mutex_);
  int64_t waiting_all_ ABSL_GUARDED_BY(mutex_) = 0;  // pending states of all lanes
  size_t busy_lanes_ ABSL_GUARDED_BY(mutex_) = 0;    // lanes with pending states of their own
  std::deque<std::string> ready_ ABSL_GUARDED_BY(mutex_);
  bool emitting_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline::client

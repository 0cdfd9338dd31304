// Holds STATE values until everything before them is committed, and emits them in order.
//
// The states of a run form one sequence, and each covers all records before it. Therefore a
// committed checkpoint releases all states up to it, and of those only the newest is emitted. One
// state per checkpoint is held, so that a tap may send one after every record. Thread-safe. `emit`
// is called on a thread that calls Add, Committed or CommitAll, one call at a time and in order.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace syncline::client {

class StateQueue {
 public:
  using Emit = std::function<void(const std::string& state)>;

  // With `hold`, only CommitAll emits, and only the newest state is held.
  StateQueue(Emit emit, bool hold) : emit_(std::move(emit)), hold_(hold) {}

  // Adds the next state. Everything before it is committed once the checkpoint with this number is;
  // 0 means that there is nothing before it. Numbers do not decrease.
  void Add(absl::string_view state, int64_t checkpoint);

  // The checkpoint with this number is committed.
  void Committed(int64_t checkpoint);

  // Everything is committed.
  void CommitAll();

  // Returns the number of states that were neither emitted nor replaced by a newer one.
  int64_t pending() const;

 private:
  struct Pending {
    std::string state;
    int64_t checkpoint;
  };

  // Emits the newest state that is committed.
  void EmitLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Emit emit_;
  const bool hold_;
  mutable Mutex mutex_;  // held while a state is emitted, which keeps them in order
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mutex_);
  int64_t committed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace syncline::client

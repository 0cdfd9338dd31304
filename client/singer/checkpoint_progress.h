// Which checkpoints of a run are committed, as the answers of its calls report it.
//
// A checkpoint has the position of every stream with records before it, and is sent on the call of
// one of these streams. It is committed once it is in the ledger and the records before its
// positions are durable. Each one covers all records before it, so a committed checkpoint stands
// for all earlier ones. A stream is a number from 0. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace syncline::client {

class CheckpointProgress {
 public:
  struct Position {
    int stream = 0;
    int64_t offset = 0;
  };

  // The checkpoint `number`, which is higher than all before it, is about to be sent on the call of
  // `sender`.
  void Sending(int64_t number, int sender, std::vector<Position> positions);

  // The first `offset` records of the stream are durable. Returns the number of the newest
  // committed checkpoint, or 0.
  int64_t Durable(int stream, int64_t offset);

  // The checkpoints up to `number` that were sent on calls of the stream are in the ledger. Returns
  // the same.
  int64_t Stored(int stream, int64_t number);

  // Returns whether a checkpoint was sent that is not known to be committed.
  bool HasUncommitted() const;

 private:
  struct Sent {
    int64_t number = 0;
    int sender = 0;
    std::vector<Position> positions;
    bool stored = false;
  };

  // Returns whether the checkpoint is in the ledger and all its positions are durable.
  bool IsCommittedLocked(const Sent& sent) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Removes the checkpoints up to the newest committed one, and returns its number.
  int64_t AdvanceLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::deque<Sent> sent_ ABSL_GUARDED_BY(mutex_);  // not known to be committed, in order
  std::map<int, int64_t> durable_ ABSL_GUARDED_BY(mutex_);
  int64_t committed_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace syncline::client

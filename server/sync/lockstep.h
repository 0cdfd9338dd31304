// Lockstep: whether a caller sends each message only after the answer to the one before.
//
// The next read of such a call may begin after the answer instead of before the commit. At the
// beginning of a read gRPC tells the peer how much more it may send, which is a system call here
// and wakes the caller; both delay the commit that the caller waits for. Not thread-safe.
#pragma once

#include <cstdint>

#include "absl/time/time.h"

namespace syncline::sync {

class Lockstep {
 public:
  // A caller is steady after this many messages in a row that were sent after an answer.
  static constexpr int kSteadyMessages = 8;
  // A message that arrives sooner after a late read was sent before the answer: an answer and a
  // message do not pass through two sockets and a caller in this time.
  static constexpr absl::Duration kShortestTurn = absl::Microseconds(30);

  // A message has arrived at `now`. `durable`: every record that was sent before it is committed.
  void OnMessage(bool durable, absl::Time now) {
    const bool waited = durable && now - late_read_ >= kShortestTurn;
    in_step_ = waited ? in_step_ + 1 : 0;
    late_read_ = absl::InfinitePast();
  }
  // A read that has waited for a commit begins at `now`.
  void OnLateRead(absl::Time now) { late_read_ = now; }

  // Returns whether the next read can wait for the commit.
  bool steady() const { return in_step_ >= kSteadyMessages; }

 private:
  int64_t in_step_ = 0;  // messages in a row
  absl::Time late_read_ = absl::InfinitePast();
};

}  // namespace syncline::sync

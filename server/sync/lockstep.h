// Lockstep: whether a caller sends each message only when everything before it is committed.
//
// The next read of such a call may begin after the commit instead of before it. At the beginning of
// a read gRPC tells the peer how much more it may send, which is a system call here and wakes the
// caller; both delay the commit that the caller waits for. Not thread-safe.
#pragma once

#include <cstdint>

namespace syncline::sync {

class Lockstep {
 public:
  // A caller is in step after this many messages in a row that arrived when everything before them
  // was committed.
  static constexpr int kFirstMessages = 8;
  // What arrives after a late read always arrives after the commit. So one read in this many is
  // early, to find out whether the caller still waits.
  static constexpr int kProbeEvery = 16;

  // A message has arrived. `durable`: every record that was sent before it is committed.
  void OnMessage(bool durable) { in_step_ = durable ? in_step_ + 1 : 0; }

  // Returns whether the next read can wait for the commit.
  bool reads_late() const { return in_step_ >= kFirstMessages && in_step_ % kProbeEvery != 0; }

 private:
  int64_t in_step_ = 0;  // messages in a row
};

}  // namespace syncline::sync

// Delays the responses to callers that fail to authenticate, longer after each attempt, without
// using a thread.
//
// Only failed attempts are delayed: a valid token is accepted immediately, whatever other callers
// at the same address do. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::rpc {

class FailedTries {
 public:
  // Counts a failed attempt of `peer` and calls `answer` after its delay, on the thread of Tick.
  // Calls it immediately for the first attempts of a peer, if too many answers are waiting, and
  // after Stop.
  void Answer(const std::string& peer, absl::Time now, std::function<void()> answer);

  // Calls the answers that are due. Call it at least every 100 ms.
  void Tick(absl::Time now);

  // Calls all waiting answers. Later ones are called immediately.
  void Stop();

 private:
  struct Peer {
    int tries = 0;
    absl::Time last;
  };
  // Counts an attempt and returns how long its answer is delayed.
  absl::Duration CountAndGetDelay(const std::string& peer, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Peer> peers_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
};

// Returns the address of `peer` without the port. `peer` is in gRPC's format, such as
// "ipv4:192.0.2.7:4711".
std::string GetPeerAddress(absl::string_view peer);

// Returns the last entry of the header x-forwarded-for, which is the one that the proxy in front
// has added. Returns an empty string if there is none.
std::string GetLastForwardedFor(absl::string_view header);

}  // namespace syncline::rpc

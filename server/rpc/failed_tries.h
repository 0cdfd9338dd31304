// Keeps back the answers to callers that try credentials, longer with every try, without a thread.
//
// Only failed tries wait: a good token is let in at once, whoever else stands behind the same
// address. Thread-safe.
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
  // Counts a failed try of `peer` and calls `answer` when its time has come, on the thread of
  // Tick, or at once: for the first tries of a peer, when too many answers wait, and after Stop.
  void Answer(const std::string& peer, absl::Time now, std::function<void()> answer);

  // Calls the answers that are due. Every 100 ms or so.
  void Tick(absl::Time now);

  // Calls all answers that wait; later ones are called at once.
  void Stop();

 private:
  struct Peer {
    int tries = 0;
    absl::Time last;
  };
  // Counts, and says how long the answer is kept back.
  absl::Duration DelayOf(const std::string& peer, absl::Time now)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Peer> peers_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Time, std::function<void()>> waiting_ ABSL_GUARDED_BY(mutex_);
};

// The address that `peer`, as gRPC writes it ("ipv4:192.0.2.7:4711"), calls from: without its port.
std::string AddressOfPeer(absl::string_view peer);

// The last entry of the header x-forwarded-for, which is the one that the proxy in front has added;
// empty when there is none.
std::string LastForwardedFor(absl::string_view header);

}  // namespace syncline::rpc

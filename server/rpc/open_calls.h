// OpenCalls: the StreamRecords and AppendRecords calls of a server. Ends those that are silent for
// too long.
//
// One object with one tick for all calls, so that a call needs no timer of its own. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::rpc {

// One call. Its methods are called on any thread, with no lock held.
class OpenCall {
 public:
  virtual ~OpenCall() = default;
  // Ends the call if it has been silent for longer than it may.
  virtual void EndIfSilent(absl::Time now) = 0;
  // Ends the call with UNAVAILABLE DRAINING if it holds no claim, and so nothing to commit.
  virtual void EndIfUnclaimed() = 0;
};

class OpenCalls {
 public:
  void Add(const std::shared_ptr<OpenCall>& call);
  void Remove(const OpenCall* call);

  // Calls EndIfSilent of every call. Call it about once a second.
  void Tick(absl::Time now);
  // Calls EndIfUnclaimed of every call.
  void EndUnclaimed();

 private:
  std::vector<std::shared_ptr<OpenCall>> Calls() const;

  mutable Mutex mutex_;
  std::map<const OpenCall*, std::weak_ptr<OpenCall>> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::rpc

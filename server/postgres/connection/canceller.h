// Canceller: sends cancel requests on a thread of its own.
//
// A request is a connection to the database, so it may block, and the threads that interrupt calls
// (gRPC's) must not. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline::postgres {

class Canceller {
 public:
  Canceller();
  // Calls Stop().
  ~Canceller();
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;

  // Calls `send`, and again after a pause for as long as it returns true. Does not block. After
  // Stop it has no effect.
  void Add(std::function<bool()> send);

  // Drops the requests that have not been sent, and waits for one that is being sent: if the
  // database has stopped responding, without limit. Safe to call twice.
  void Stop();

 private:
  struct Request {
    absl::Duration due;  // of the monotonic clock
    std::function<bool()> send;
  };

  void Run();
  // Waits until a request is due and returns it. Returns null at the end.
  std::function<bool()> Next();

  Mutex mutex_;
  CondVar wake_;
  std::vector<Request> requests_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;  // last: started when all other members exist
};

}  // namespace syncline::postgres

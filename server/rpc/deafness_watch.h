// Detects that the service no longer answers on its own port, whatever the cause, so that a
// supervisor can restart it.
//
// It connects as a client would, sends the first bytes of the protocol and waits for a response; a
// closed connection counts as one. Owned by app.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline::rpc {

struct DeafnessOptions {
  // Returns a socket that is connecting to the service, as ListeningSockets::Connect does.
  std::function<int()> connect;
  bool tls = false;
  // `interval` is the time between two attempts, `patience` how long one waits for a response.
  absl::Duration interval = absl::Seconds(5);
  absl::Duration patience = absl::Seconds(10);
  int tries = 3;  // consecutive failed attempts after which the service counts as deaf
};

class DeafnessWatch {
 public:
  // Calls `deaf` once, on the watch's thread, if the service does not answer. Time in which the
  // process is stopped does not count, because time is measured in waited steps.
  DeafnessWatch(DeafnessOptions options, std::function<void()> deaf);
  // Stops the thread. `deaf` is not called afterwards.
  ~DeafnessWatch();

 private:
  void Run();
  // Returns true if a response came within `patience`, or if the watch is stopping meanwhile.
  bool Answers();
  bool Exchange(int descriptor);
  // Waits for `duration`. Returns false if the watch is stopping.
  bool Pause(absl::Duration duration);
  bool stopping();

  const DeafnessOptions options_;
  const std::function<void()> on_unresponsive_;
  const std::string hello_;
  int reserve_ = -1;  // freed for each attempt, in case no other descriptor is left
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace syncline::rpc

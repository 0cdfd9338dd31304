// Notices that the service no longer answers on its own port, whatever the cause, so that a
// supervisor can start it anew.
//
// It connects as a caller would, sends the first bytes of the protocol and waits for any answer; an
// end of the connection is one, too. Owned by app.
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
  // A socket that is connecting to the service, as of ListeningSockets::Connect.
  std::function<int()> connect;
  bool tls = false;
  // Between two tries, and how long one waits for its answer.
  absl::Duration interval = absl::Seconds(5);
  absl::Duration patience = absl::Seconds(10);
  int tries = 3;  // that fail in a row
};

class DeafnessWatch {
 public:
  // `deaf` is called once, on the watch's thread. Time in which the process is stopped does not
  // count: time is measured in steps that are waited for.
  DeafnessWatch(DeafnessOptions options, std::function<void()> deaf);
  // No call of `deaf` begins after it.
  ~DeafnessWatch();

 private:
  void Run();
  // Whether any answer came within the patience, or the watch is stopping.
  bool Answers();
  bool Exchange(int descriptor);
  // False when the watch is stopping.
  bool Pause(absl::Duration duration);
  bool stopping();

  const DeafnessOptions options_;
  const std::function<void()> deaf_;
  const std::string hello_;
  int reserve_ = -1;  // so that there is a descriptor to try with when there is none left
  Mutex mutex_;
  CondVar wake_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace syncline::rpc

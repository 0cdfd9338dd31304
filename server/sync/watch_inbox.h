// WatchInbox: what other threads ask of the reader of all watches. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/model/access_token.h"
#include "server/sync/sync_event.h"

namespace syncline::sync {

// The call that receives the events of a watch. All functions are called by the reader's thread and
// must not block.
class WatchCall {
 public:
  virtual ~WatchCall() = default;

  // Sends `events`, at least one, in order, and calls WatchReader::Taken when the caller has taken
  // all of them. Not called again before that.
  virtual void Send(std::vector<EncodedEvent> events) = 0;
  // Ends the call. No other function is called after it. Not called while events are being sent.
  virtual void End(const absl::Status& status) = 0;
  // Ends the call although its caller has not taken the events. WatchReader::Close follows.
  virtual void Abort() = 0;
};

struct WatchRequest {
  std::string sync_id;
  int64_t after_sequence = 0;
  bool with_state = true;
  Identity caller;
};

class WatchInbox {
 public:
  struct Opened {
    int64_t id = 0;
    WatchRequest request;
    std::shared_ptr<WatchCall> call;
  };
  struct Content {
    std::vector<Opened> opened;
    std::vector<int64_t> taken;
    std::vector<int64_t> closed;
    bool stop = false;

    bool empty() const { return opened.empty() && taken.empty() && closed.empty() && !stop; }
  };

  // Calls `add` with the content. Returns true if it was empty, so that the reader must be woken.
  bool Add(absl::FunctionRef<void(Content*)> add);

  // Returns the content, in the order in which it was added, and empties the inbox. Waits up to
  // `timeout` until there is some.
  Content Take(absl::Duration timeout);

 private:
  Mutex mutex_;
  CondVar added_;
  Content content_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::sync

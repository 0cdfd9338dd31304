#include "server/sync/watch_inbox.h"

#include <utility>

#include "base/monotonic_time.h"

namespace syncline::sync {

bool WatchInbox::Add(absl::FunctionRef<void(Content*)> add) {
  MutexLock lock(&mutex_);
  const bool first = content_.empty();
  add(&content_);
  added_.NotifyAll();
  return first;
}

WatchInbox::Content WatchInbox::Take(absl::Duration timeout) {
  const absl::Duration deadline = MonotonicNow() + timeout;
  MutexLock lock(&mutex_);
  while (content_.empty()) {
    const absl::Duration left = deadline - MonotonicNow();
    if (left <= absl::ZeroDuration()) break;
    added_.WaitFor(&mutex_, left);
  }
  return std::exchange(content_, Content());
}

}  // namespace syncline::sync

#include "base/adaptive_polling.h"

#include <sched.h>

namespace syncline {

bool AdaptivePolling::HasSeveralProcessors() {
  cpu_set_t usable;
  return sched_getaffinity(0, sizeof(usable), &usable) == 0 && CPU_COUNT(&usable) > 1;
}

bool AdaptivePolling::MayPoll() {
  if (!enabled_) return false;
  // Threads that wait at the same time may decrement it below 0.
  if (sleeps_ <= 0) return true;
  --sleeps_;
  return false;
}

}  // namespace syncline

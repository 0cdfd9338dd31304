#include "base/wake_event.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>

namespace syncline {

WakeEvent::WakeEvent() : descriptor_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

WakeEvent::~WakeEvent() {
  if (descriptor_ >= 0) close(descriptor_);
}

void WakeEvent::Set() {
  const uint64_t one = 1;
  // It can fail only if the counter is at its maximum, and then the event is set already.
  [[maybe_unused]] const ssize_t written = write(descriptor_, &one, sizeof(one));
}

void WakeEvent::Clear() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t read_bytes = read(descriptor_, &count, sizeof(count));
}

}  // namespace syncline

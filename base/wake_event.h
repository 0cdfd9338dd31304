// Wakes a thread that waits for a descriptor: any thread sets the event, and its own descriptor
// becomes readable.
#pragma once

namespace syncline {

// Thread-safe.
class WakeEvent {
 public:
  // If the process has no descriptor left, descriptor() is -1, which poll() ignores. Waits must
  // therefore have a time limit.
  WakeEvent();
  ~WakeEvent();
  WakeEvent(const WakeEvent&) = delete;
  WakeEvent& operator=(const WakeEvent&) = delete;

  void Set();
  // Makes the descriptor unreadable until the next Set.
  void Clear();
  int descriptor() const { return descriptor_; }

 private:
  const int descriptor_;
};

}  // namespace syncline

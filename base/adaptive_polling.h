// Decides whether a thread polls for an event before it sleeps until the event.
//
// Polling saves the wake-up of the thread, 20 to 50 us on an idle processor, but takes a processor
// meanwhile. It is worth that only for events that usually happen soon: after one for which a
// thread has polled in vain, the next kSleeps are waited for asleep. On a single processor nothing
// is polled, because the event needs that processor.
//
// Thread-safe.
#pragma once

#include <atomic>

namespace syncline {

class AdaptivePolling {
 public:
  // Number of waits without polling that follow a poll in vain.
  static constexpr int kSleeps = 20;

  AdaptivePolling() : AdaptivePolling(HasSeveralProcessors()) {}
  // `enabled`: whether to poll at all.
  explicit AdaptivePolling(bool enabled) : enabled_(enabled) {}

  // Returns whether to poll for the event that the calling thread is about to wait for.
  bool MayPoll();
  // Notes that a thread has polled as long as it may, and the event did not happen meanwhile.
  void NoteVainPoll() { sleeps_ = kSleeps; }

 private:
  static bool HasSeveralProcessors();

  const bool enabled_;
  std::atomic<int> sleeps_ = 0;  // waits to come without polling
};

}  // namespace syncline

// WatchState: how far one watch has reported the events of its sync, and what it reports next.
//
// A snapshot of the sync is reported only after all checkpoints that existed when it was read, so
// that the end of a stream or sync never precedes a checkpoint. Does no I/O. Not thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/time/time.h"
#include "server/sync/sync_event.h"
#include "server/sync/watch_page.h"

namespace syncline::sync {

class WatchState {
 public:
  // Checkpoints up to `after_sequence` are omitted.
  explicit WatchState(int64_t after_sequence) : sequence_(after_sequence) {}

  // The sequence of the last checkpoint that was reported.
  int64_t sequence() const { return sequence_; }
  // The latest round of the reader of which all checkpoints were reported; 0 if there is none.
  int64_t complete_round() const { return complete_round_; }
  // Returns whether a page must be read: checkpoints follow, or none were read since `round`.
  bool NeedsPage(int64_t last_sequence, int64_t round) const {
    return sequence_ < last_sequence || complete_round_ < round;
  }
  // Returns whether the end of the sync was reported, which is the last event.
  bool ended() const { return ended_; }

  // Appends the events of `page`, which starts at sequence().
  void TakePage(const std::shared_ptr<const EventPage>& page, std::vector<EncodedEvent>* events);

  // Appends what `snapshot` has new, if all checkpoints before it were reported. Progress is
  // appended at most once per second, by `now` of the monotonic clock.
  void TakeSnapshot(const SyncSnapshot& snapshot, absl::Duration now,
                    std::vector<EncodedEvent>* events);

 private:
  int64_t sequence_;
  int64_t complete_round_ = 0;
  int64_t progress_no_ = 0;
  absl::Duration progress_at_ = -absl::InfiniteDuration();
  std::vector<bool> finished_;  // streams whose end was reported
  bool ended_ = false;
};

}  // namespace syncline::sync

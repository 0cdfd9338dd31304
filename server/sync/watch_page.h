// What the reader of all watches has read of a sync: encoded events that watches share.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "base/memory_budget.h"
#include "server/sync/sync_event.h"

namespace syncline::sync {

// Checkpoints of a sync in order. Its bytes belong to the budget of all pages until the last watch
// that sends one of the events releases it. Immutable after it was filled.
struct EventPage {
  explicit EventPage(std::shared_ptr<MemoryBudget> pages) : budget(std::move(pages)) {}
  ~EventPage() { budget->Release(bytes); }
  EventPage(const EventPage&) = delete;
  EventPage& operator=(const EventPage&) = delete;

  const std::shared_ptr<MemoryBudget> budget;
  int64_t bytes = 0;          // acquired from the budget
  int64_t last_sequence = 0;  // of its last checkpoint; where it starts if it has none
  bool more = false;          // other checkpoints follow
  int64_t round = 0;          // the reader's round in which it was read
  std::vector<std::string> events;
};

// The state of a sync at one time.
struct SyncSnapshot {
  int64_t round = 0;        // the reader's round in which it was read
  absl::Duration read_at;   // by the monotonic clock
  int64_t progress_no = 0;  // increases when the counts of `progress` change
  EncodedEvent progress;
  std::vector<EncodedEvent> finished;  // one per stream; null if the stream has not ended
  EncodedEvent end;                    // null if the sync has not ended
};

}  // namespace syncline::sync

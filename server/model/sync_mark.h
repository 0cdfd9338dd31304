// What a watch reads of a sync to notice that something has changed.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

// Identifies a sync for its watches.
struct SyncIdentity {
  int64_t sync_no = 0;
  std::string sync_id;
  std::string owner;  // empty if it has no owner
};

// Equal marks mean that nothing has changed which WatchSync reports.
struct SyncMark {
  int64_t sync_no = 0;
  int64_t last_sequence = 0;  // of its committed checkpoints; 0 if there are none
  std::string states;         // changes with the state of the sync or of a stream
  std::string counts;         // changes with the progress of a writer
};

}  // namespace syncline

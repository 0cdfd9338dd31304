// Checkpoints of a writer: positions of the source, before and after their records are committed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/model/stream.h"

namespace syncline {

// Maximum bytes of a checkpoint's state. gRPC clients receive at most 4 MiB per message by default,
// and WatchSync sends a state in one message.
inline constexpr int64_t kMaxStateBytes = int64_t{3} << 20;

// One writer's part of a checkpoint that covers several writers.
struct CheckpointPosition {
  StreamDescriptor descriptor;
  std::string writer_id;
  int64_t offset = 0;
};

// A checkpoint that waits until the records before it are committed.
struct PendingCheckpoint {
  std::string checkpoint_id;
  int64_t offset = 0;  // number of the writer's records before the checkpoint
  std::string state;
  std::vector<CheckpointPosition> positions = {};  // if the checkpoint covers several writers
  int64_t number = 0;                              // its place among the checkpoints of its call
};

// A checkpoint whose records are committed.
struct CommittedCheckpoint {
  int64_t sequence = 0;  // its number among the sync's events, assigned after the commit
  int64_t stream_no = 0;
  std::string writer_id;
  std::string checkpoint_id;
  int64_t offset = 0;
  int64_t records_since_last = 0;
  std::string state;
  bool state_dropped = false;  // the caller sent a state, but it cannot be returned
};

// Selects a page of the committed checkpoints of a sync.
struct CheckpointQuery {
  int64_t sync_no = 0;
  int64_t after_sequence = 0;
  bool with_state = true;
  // Maximum bytes of the page, by the sizes of states and ids.
  int64_t max_bytes = 0;
  // Whether the page has at least one checkpoint, however large, if there is any.
  bool at_least_one = true;
};

struct CheckpointPage {
  std::vector<CommittedCheckpoint> checkpoints;  // in the order of `sequence`
  bool more = false;                             // checkpoints follow that did not fit
  int64_t bytes = 0;                             // as counted for max_bytes
};

}  // namespace syncline

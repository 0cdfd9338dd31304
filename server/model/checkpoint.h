// Checkpoints of a writer: positions of the source, before and after their records are committed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/model/stream.h"

namespace syncline {

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
  bool state_dropped = false;  // the state was emptied because a newer one replaces it
};

}  // namespace syncline

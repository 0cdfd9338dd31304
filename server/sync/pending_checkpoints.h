// PendingCheckpoints: the checkpoints of one call that are not committed yet.
//
// A checkpoint is due once everything before it is durable. One that covers several writers is due
// at once, because the ledger waits for its positions. Not thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "server/model/checkpoint.h"

namespace syncline::sync {

class PendingCheckpoints {
 public:
  // Adds a checkpoint of all records before `offset` or, with `positions`, of what these writers
  // have sent. Returns the bytes that it holds.
  int64_t Add(std::string checkpoint_id, std::string state,
              std::vector<CheckpointPosition> positions, int64_t offset);

  bool IsDue(int64_t durable_offset) const;
  // Returns copies of those that are due: those of this writer in the order of their offsets, then
  // those that cover several.
  std::vector<PendingCheckpoint> CopyDue(int64_t durable_offset) const;
  // Removes checkpoints that CopyDue returned. Returns the bytes that they held.
  int64_t Remove(const std::vector<PendingCheckpoint>& committed);

  // Returns the bytes that all of them hold.
  int64_t bytes() const { return bytes_; }
  // Returns the id of the newest checkpoint that was removed after all that were added before it,
  // or an empty string.
  const std::string& last_removed_id() const { return last_removed_id_; }

 private:
  // Notes that the checkpoint of this number was removed.
  void NoteRemoved(int64_t number, std::string id);

  // Those of this writer, in the order of their offsets and numbers.
  std::deque<PendingCheckpoint> own_;
  // Those that cover several writers, in the order of their numbers.
  std::deque<PendingCheckpoint> global_;
  int64_t last_number_ = 0;
  int64_t bytes_ = 0;
  // All checkpoints up to this number were removed.
  int64_t removed_to_ = 0;
  std::string last_removed_id_;
  // The ids of those that were removed before an earlier one, by number. Checkpoints that cover
  // several writers do not wait for those of this writer.
  std::map<int64_t, std::string> removed_early_;
};

}  // namespace syncline::sync

// SyncWatch: the events of one sync as they become durable, read from the ledger.
//
// Any replica can serve a watch, because it reads only the ledger; LISTEN wakes it. Blocks. Used by
// one thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/model/checkpoint.h"
#include "server/model/sync_record.h"
#include "server/write/stream_state_store.h"

namespace syncline::sync {

struct CheckpointEvent {
  StreamDescriptor descriptor;
  CommittedCheckpoint checkpoint;
};
struct ProgressEvent {
  SyncEntry sync;
};
struct StreamFinishedEvent {
  StreamDescriptor descriptor;
  StreamResult result;
  int64_t generation_id = 0;
};
struct SyncFinishedEvent {
  SyncState state = SyncState::kFinished;
};
using SyncEvent =
    std::variant<CheckpointEvent, ProgressEvent, StreamFinishedEvent, SyncFinishedEvent>;

class SyncWatch {
 public:
  // Checkpoints up to `after_sequence` are omitted. `store` must outlive the watch. Errors:
  // NOT_FOUND UNKNOWN_SYNC; those of the database.
  static absl::StatusOr<std::unique_ptr<SyncWatch>> Create(write::StreamStateStore* store,
                                                           absl::string_view sync_id,
                                                           int64_t after_sequence);

  // Returns the events since the last call, in order. Returns none if nothing happens within
  // `timeout`. SyncFinishedEvent is the last event.
  absl::StatusOr<std::vector<SyncEvent>> Next(absl::Duration timeout);

 private:
  SyncWatch(write::StreamStateStore* store, std::string sync_id, int64_t after_sequence);

  absl::Status Read(std::vector<SyncEvent>* events);
  absl::Status ReadCheckpoints(const SyncEntry& sync, std::vector<SyncEvent>* events);
  void NoteProgress(const SyncEntry& sync, std::vector<SyncEvent>* events);

  write::StreamStateStore* const store_;
  const std::string sync_id_;
  int64_t sequence_;
  std::unique_ptr<write::ChangeSubscription> changes_;
  std::map<int64_t, StreamState> states_;  // last seen, by stream_no
  std::vector<int64_t> progress_;          // counts of the last ProgressEvent
  absl::Time progress_at_ = absl::InfinitePast();
};

}  // namespace syncline::sync

// The events of a sync that a watch reports.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

#include "server/model/checkpoint.h"
#include "server/model/sync_record.h"

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

// Returns the bytes of an event as callers receive them. Thread-safe.
using EncodeEvent = std::function<std::string(SyncEvent event)>;

// The bytes of an event, shared by all watches that report it.
using EncodedEvent = std::shared_ptr<const std::string>;

}  // namespace syncline::sync

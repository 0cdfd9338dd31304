// A lane: the state of one stream of the catalog during a run of `syncline write`.
//
// The thread that runs the session owns a lane until the lane ends; then one task of the session's
// pool owns it. `failed` may be read by any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "client/airbyte/messages.h"
#include "client/airbyte/state_tracker.h"
#include "client/record_batch.h"
#include "client/stream_writer.h"
#include "syncline/v1/stream.pb.h"

namespace syncline::client {

struct WriteLane {
  enum class Phase { kOpen, kEnding };

  using Position = StateTracker::Position;

  int index = 0;
  StreamName source;  // as the source names it
  std::string title;  // "namespace.name", for messages
  v1::StreamDescriptor target;
  bool replaced = false;  // the sync replaces its table
  v1::StreamPlan plan;

  Phase phase = Phase::kOpen;
  bool completed_before = false;    // by an earlier run of the same sync id
  std::atomic<bool> failed{false};  // it could not start or broke; records are skipped
  int64_t skipped = 0;              // records after the failure

  int64_t seen = 0;        // records in the input so far
  int64_t skip_below = 0;  // durable from an earlier run
  int64_t counted = 0;     // `seen` at the last STATE that was counted for the stream
  int64_t state_at = -1;   // `seen` at the last STATE that covered the stream, or -1

  // The newest STATE of this lane alone whose checkpoint is not sent yet: `seen` there, or -1. The
  // batch is marked there.
  int64_t due_checkpoint = -1;
  int64_t sent_checkpoint = 0;  // offset of the last checkpoint of this lane alone
  std::string sent_for_all;     // id of the last checkpoint of all lanes that was sent here
  std::unique_ptr<RecordBatchBuilder> batch;
  std::unique_ptr<StreamWriter> writer;
};

}  // namespace syncline::client

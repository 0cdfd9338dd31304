// One run of `syncline write`: Airbyte messages in, rows committed, STATE messages out.
//
// The calling thread reads and sends. A watcher thread learns what is durable. A small pool ends
// streams, so that a long merge of one does not hold back the records of the others.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/airbyte/config.h"
#include "client/airbyte/message_router.h"
#include "client/airbyte/messages.h"
#include "client/airbyte/state_tracker.h"
#include "client/progress.h"
#include "client/record_batch.h"
#include "client/replay_window.h"
#include "client/sources/line_reader.h"
#include "client/stream_writer.h"
#include "client/sync_client.h"
#include "client/sync_watcher.h"
#include "server/base/mutex.h"
#include "server/base/thread_pool.h"

namespace syncline::client {

struct WriteSessionOptions {
  std::string sync_id;
  // The caller chose the sync id and so promises the same input when it is given again: what is
  // durable is skipped, and a run that stops early leaves the streams open for the next one.
  bool resumable = false;
  std::string connection_id;
  absl::Duration retry_for = absl::Minutes(5);
  int64_t replay_window_bytes = int64_t{128} << 20;
  // How long a full window waits for word of progress before it closes a call to be told. Progress
  // comes once a second: nothing for this long means that it will not come by itself.
  absl::Duration window_patience = absl::Seconds(3);
};

struct WriteReport {
  int64_t records = 0;   // seen in the input
  int64_t durable = 0;   // known to be committed, over all streams
  int64_t rejected = 0;  // by the server, over all runs of the sync id
  int64_t ignored_messages = 0;
  bool interrupted = false;
  std::vector<std::string> incomplete;  // streams that the source did not send to their end
  absl::Status status;                  // what stopped the run, if anything did
};

class WriteSession {
 public:
  // `client` must outlive the session; `emit` gets each STATE line (without '\n') once it may be
  // printed.
  WriteSession(SyncClient* client, Catalog catalog, WriteSessionOptions options,
               StateTracker::Emit emit);
  ~WriteSession();

  // StartSync, tried again while that may help.
  absl::Status Start();

  // Reads `input` to its end, or until something stops it; ends the streams. Once, after Start.
  WriteReport Run(LineReader* input, ProgressLine* progress);

 private:
  enum class Phase { kOpen, kEnding };

  // One stream of the catalog.
  struct Lane {
    int index = 0;
    std::string title;
    Phase phase = Phase::kOpen;
    bool completed_before = false;  // by an earlier run of the same sync id
    int64_t seen = 0;               // records in the input so far
    int64_t skip_below = 0;         // durable from an earlier run
    int64_t counted = 0;            // `seen` at the last STATE that covered the stream
    int64_t checkpoint = -1;        // number of the last checkpoint sent
    int64_t checkpoint_offset = 0;  // `seen` when it was sent
    std::unique_ptr<RecordBatchBuilder> batch;
    std::unique_ptr<StreamWriter> writer;
  };

  absl::Status MakeLanes(const v1::StartSyncResponse& plan);
  absl::Status Pump(LineReader* input, ProgressLine* progress);
  absl::Status TakeLines(absl::string_view lines);
  absl::Status TakeLine(absl::string_view line);
  absl::Status TakeRecord(int stream, absl::string_view line);
  absl::Status TakeState(absl::string_view line);
  absl::Status TakeTrace(absl::string_view line);
  absl::Status SendCheckpoint(Lane* lane, absl::string_view line);
  absl::Status Flush(Lane* lane);
  absl::Status FlushAll();
  absl::Status MakeRoom(int64_t bytes);
  void EndLane(Lane* lane, v1::StreamStatus status);
  void EndAll(const absl::Status& pumped);
  absl::Status Drain(Lane* lane);
  absl::Status Complete(const Lane& lane, v1::StreamStatus status);
  void Fail(const Lane& lane, const absl::Status& status);
  absl::Status failure() const;
  void OnEvent(const v1::WatchSyncResponse& event);
  Lane* FindLane(const v1::StreamDescriptor& descriptor);

  SyncClient* const client_;
  const Catalog catalog_;
  const WriteSessionOptions options_;
  v1::StartSyncRequest request_;
  MessageRouter router_;
  StateTracker tracker_;
  ReplayWindow window_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  absl::flat_hash_map<std::string, int> lane_of_target_;
  int64_t line_number_ = 0;
  int64_t states_ = 0;
  int64_t records_ = 0;
  int64_t ignored_messages_ = 0;
  bool interrupted_ = false;
  bool saw_status_ = false;  // a stream status, or an error, of the source
  std::vector<std::string> incomplete_;

  std::atomic<bool> failed_{false};
  mutable Mutex mutex_;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<SyncWatcher> watcher_;  // last: it calls into all else
};

}  // namespace syncline::client

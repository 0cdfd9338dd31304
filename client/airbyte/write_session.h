// One run of `syncline write`: reads Airbyte messages, commits their records and emits STATE
// messages.
//
// The calling thread reads and sends. The answers of the calls, which arrive on threads of gRPC,
// report the durable offsets. A small pool ends streams, so that a long merge of one stream does
// not delay the records of the others. A stream that cannot start or that breaks does not affect
// the others: its records are counted and skipped, and no further STATE that covers it is emitted.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "client/airbyte/config.h"
#include "client/airbyte/message_router.h"
#include "client/airbyte/messages.h"
#include "client/airbyte/state_passing.h"
#include "client/airbyte/stream_ends.h"
#include "client/airbyte/write_lane.h"
#include "client/progress.h"
#include "client/replay_window.h"
#include "client/report.h"
#include "client/sources/line_reader.h"
#include "client/sync_client.h"

namespace syncline::client {

struct WriteSessionOptions {
  std::string sync_id;
  // The user chose the sync id and thereby promises the same input for it. Durable records are
  // skipped, and a run that stops early leaves the streams open for the next run.
  bool resumable = false;
  std::string connection_id;
  // Completes a replaced stream even if the source sent neither a status nor a STATE after its last
  // record.
  bool complete_without_status = false;
  // In a completed stream no value may be nulled or truncated, no field undeclared, no record
  // rejected and no table definition changed.
  bool strict = false;
  absl::Duration retry_for = absl::Minutes(5);
  int64_t replay_window_bytes = int64_t{128} << 20;
  // How long to wait on a full window before closing a call to force a commit. The server commits
  // about once a second and answers at once, so after this time no answer is expected.
  absl::Duration window_timeout = absl::Seconds(3);
};

struct WriteReport {
  // A stream that could not start or that broke.
  struct Failure {
    StreamName stream;
    std::string title;
    absl::Status status;
    int64_t skipped = 0;  // its records in the input after the failure
  };
  // A stream that was not completed. `reason` is the end of a sentence.
  struct Incomplete {
    StreamName stream;
    std::string title;
    std::string reason;
  };

  int64_t records = 0;   // seen in the input
  int64_t durable = 0;   // known to be committed, over all streams and runs
  int64_t rejected = 0;  // by the server, over all runs of the sync id
  int64_t ignored_messages = 0;
  int64_t withheld_states = 0;     // STATE messages that were not emitted
  int64_t foreign_lines = 0;       // that are JSON but no message
  int64_t first_foreign_line = 0;  // its number in the input, from 1
  bool interrupted = false;
  std::vector<Incomplete> incomplete;
  std::vector<Failure> failures;
  std::vector<StreamReport> streams;  // in the order of the catalog
  absl::Status status;                // the error that stopped the run
};

class WriteSession {
 public:
  // `client` must outlive the session. `emit` is called with each STATE line (without '\n') once it
  // may be printed.
  WriteSession(SyncClient* client, Catalog catalog, WriteSessionOptions options,
               StateTracker::Emit emit);
  ~WriteSession();

  // Calls StartSync, with retries, and creates the lanes.
  absl::Status Start();

  // Returns the server's plan of each stream in the order of the catalog. Call it after Start.
  std::vector<v1::StreamPlan> plans() const;

  // Reads `input` until its end, an error or an interrupt, and ends the streams. Call it once,
  // after Start.
  WriteReport Run(LineReader* input, ProgressLine* progress);

 private:
  // Passes the checkpoints that earlier runs of the sync id have committed to `states_`.
  void ReadHistory();
  absl::Status MakeLanes(const v1::StartSyncResponse& plan);
  absl::Status ReadInput(LineReader* input, ProgressLine* progress);
  absl::Status TakeLines(absl::string_view lines);
  absl::Status TakeLine(absl::string_view line, bool is_cut);
  absl::Status TakeRecord(int stream, absl::string_view line);
  absl::Status TakeState(absl::string_view line);
  absl::Status TakeTrace(absl::string_view line);
  void NoteFailure(absl::string_view what, absl::string_view words);
  absl::StatusOr<bool> SendCheckpoint(WriteLane* lane, const v1::Checkpoint& checkpoint);
  absl::Status Flush(WriteLane* lane);
  absl::Status FlushAll();
  absl::Status MakeRoom(int64_t bytes);
  void EndLane(WriteLane* lane, v1::StreamStatus status, const std::string& reason);
  void EndAll(const absl::Status& pumped);
  void GiveUp(WriteLane* lane);
  absl::Status Drain(WriteLane* lane);
  absl::Status Complete(const WriteLane& lane, v1::StreamStatus status, int64_t expected);
  // Returns OK if the error affects only `lane`, which is then marked as failed. Returns the error
  // if it ends the run.
  absl::Status Contain(WriteLane* lane, const absl::Status& status);
  bool AllFailed() const;
  absl::Status run_failure() const;
  void AddLedgerReport(WriteReport* report);

  SyncClient* const client_;
  const Catalog catalog_;
  const WriteSessionOptions options_;
  v1::StartSyncRequest request_;
  MessageRouter router_;
  ReplayWindow window_;
  std::vector<std::unique_ptr<WriteLane>> lanes_;
  StatePassing states_;
  SourceEvidence evidence_;
  int64_t line_number_ = 0;
  int64_t records_ = 0;
  int64_t ignored_messages_ = 0;
  int64_t foreign_lines_ = 0;
  int64_t first_foreign_line_ = 0;
  bool interrupted_ = false;
  std::vector<WriteReport::Incomplete> incomplete_;

  std::atomic<bool> stopped_{false};  // run_failure_ is set
  mutable Mutex mutex_;
  absl::Status run_failure_ ABSL_GUARDED_BY(mutex_);
  std::map<int, absl::Status> lane_failures_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<ThreadPool> pool_;  // last: it uses all other members
};

}  // namespace syncline::client

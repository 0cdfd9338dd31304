// One run of `syncline singer`: reads Singer messages, commits their records and emits STATE
// values.
//
// The calling thread reads and sends. The answers of the calls, which arrive on threads of gRPC,
// report what is durable. A small pool ends streams. A stream is planned at its first RECORD, BATCH
// or ACTIVATE_VERSION, or at the end of the input, because SCHEMA carries no version; the sync is
// extended for it. The first error ends the run: what precedes it is committed, and no STATE that
// follows it is emitted.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "client/progress.h"
#include "client/replay_window.h"
#include "client/report.h"
#include "client/singer/checkpoint_progress.h"
#include "client/singer/messages.h"
#include "client/singer/state_queue.h"
#include "client/singer/target_stream.h"
#include "client/sources/line_reader.h"
#include "client/sync_client.h"

namespace syncline::client {

struct TargetOptions {
  SingerConfig config;
  std::string sync_id;  // must be new
  absl::Duration retry_for = absl::Minutes(5);
  int64_t replay_window_bytes = int64_t{128} << 20;
  // How long to wait on a full window before closing a call to force a commit.
  absl::Duration window_timeout = absl::Seconds(3);
};

struct TargetReport {
  // A stream that was not completed. `reason` is the end of a sentence.
  struct Incomplete {
    std::string stream;
    std::string reason;
  };
  int64_t records = 0;
  int64_t rejected = 0;
  int64_t withheld_states = 0;  // STATE messages that were not emitted
  bool interrupted = false;
  std::vector<Incomplete> incomplete;
  std::vector<StreamReport> streams;  // in the order in which they were planned
  absl::Status status;                // the error that ended the run
};

class TargetSession {
 public:
  // Called with what the server plans for a stream, when it is planned or changed.
  using Planned = std::function<void(const v1::StreamPlan& plan)>;

  // `client` must outlive the session. `emit` is called with each STATE value (without '\n') once
  // it may be printed, on any thread, one call at a time.
  TargetSession(SyncClient* client, TargetOptions options, StateQueue::Emit emit, Planned planned);
  ~TargetSession();

  // Reads `input` until its end, an error or an interrupt, and ends the streams. Call it once.
  TargetReport Run(LineReader* input, ProgressLine* progress);

 private:
  // --- Reading (target_session.cc) ---
  absl::Status ReadInput(LineReader* input, ProgressLine* progress);
  absl::Status TakeLines(absl::string_view lines);
  absl::Status TakeMessage(const SingerMessage& message);
  absl::Status TakeSchema(const SingerMessage& message);
  absl::Status TakeRecord(const SingerMessage& message);
  absl::Status TakeBatch(const SingerMessage& message);
  absl::Status TakeState(const SingerMessage& message);
  absl::Status TakeActivation(const SingerMessage& message);
  absl::Status AddRecord(TargetStream* stream, absl::string_view record,
                         const std::string& time_extracted);
  // Errors: SINGER_NO_SCHEMA.
  absl::StatusOr<TargetStream*> FindStream(const std::string& name);
  // Plans the stream with the version, or checks that it was planned with it. Errors:
  // SINGER_VERSION if it was not.
  absl::Status UseVersion(TargetStream* stream, std::optional<int64_t> version);

  // --- Sending (target_session_send.cc) ---
  // Adds the stream to the sync.
  absl::Status Plan(TargetStream* stream);
  // Changes the stream's plan as its SCHEMA and versions say now, with its call closed.
  absl::Status Replan(TargetStream* stream);
  absl::StatusOr<v1::StartSyncResponse> Extend(const v1::StartSyncRequest& request);
  v1::StartSyncRequest MakeRequest(const TargetStream& stream) const;
  absl::Status Flush(TargetStream* stream);
  absl::Status FlushAll();
  absl::Status MakeRoom(int64_t bytes);
  // Makes a checkpoint at the current end of the records due, in place of one that is not sent.
  void NoteCheckpoint();
  // Sends the checkpoint that is due, if any, unless an earlier one is not known to be committed:
  // until then newer STATEs share the one that is due.
  absl::Status SendReadyCheckpoint();
  absl::Status SendCheckpoint();
  // Closes the stream's call, after which everything that was sent on it is committed.
  absl::Status CloseCall(TargetStream* stream);
  // An answer of the stream's call: its first `durable_offset` records are durable, and the
  // checkpoints up to `checkpoint_id`, if that is not empty, are in the ledger.
  void OnDurable(int stream, int64_t durable_offset, const std::string& checkpoint_id);

  // --- The end (target_session_end.cc) ---
  // Returns the first error of what ends the streams.
  absl::Status EndStreams(const absl::Status& read);
  absl::Status PrepareEnd();
  absl::Status CloseAll();
  absl::Status Complete(const TargetStream& stream, const std::string& reason);
  // Returns whether completing the stream would remove rows.
  absl::StatusOr<bool> RemovesRows(const TargetStream& stream);
  v1::CompleteStreamRequest MakeCompletion(const TargetStream& stream) const;
  bool HasIncomplete();
  absl::Status FinishSync();
  void AddLedgerReport(TargetReport* report);

  SyncClient* const client_;
  const TargetOptions options_;
  const Planned planned_;
  const absl::Time started_at_;
  ReplayWindow window_;
  StateQueue states_;
  CheckpointProgress progress_;
  std::map<std::string, std::unique_ptr<TargetStream>> streams_;  // by name
  std::vector<TargetStream*> planned_streams_;                    // in order
  InputEnd end_;
  int64_t line_number_ = 0;
  int64_t records_ = 0;
  int64_t checkpoint_ = 0;                         // number of the last one, sent or due
  int64_t checkpoint_records_ = 0;                 // `records_` at that one
  std::vector<CheckpointProgress::Position> due_;  // of `checkpoint_` if it is not sent
  bool interrupted_ = false;

  Mutex mutex_;
  std::vector<TargetReport::Incomplete> incomplete_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::client

// One run of `syncline load`: a file's records into one stream, from where an earlier run stopped.
//
// A file is read again after a broken call; stdin cannot be, so what is not yet durable is then
// kept in a bounded window. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/line_index.h"
#include "client/load_end.h"
#include "client/progress.h"
#include "client/record_batch.h"
#include "client/replay_window.h"
#include "client/report.h"
#include "client/sources/record_source.h"
#include "client/stream_writer.h"
#include "client/sync_client.h"

namespace syncline::client {

struct LoadOptions {
  v1::StartSyncRequest start;  // with exactly one stream
  std::string writer_id;
  bool keep_open = false;      // do not complete the stream: another writer will
  bool staged = false;         // the table changes only at the end: all modes but append
  bool validate_only = false;  // ask what completion would do, then discard what was staged
  EndRules end_rules;
  absl::Duration retry_for = absl::Minutes(5);
  int64_t replay_window_bytes = int64_t{128} << 20;
  // How long a full window waits for word of progress before it closes a call to be told. Progress
  // comes once a second: nothing for this long means that it will not come by itself.
  absl::Duration window_patience = absl::Seconds(3);
};

struct LoadReport {
  absl::Status status;  // what stopped the run, if anything did
  bool interrupted = false;
  bool completed_before = false;  // by an earlier run of the same sync id: nothing was done
  int64_t durable_offset = 0;     // records committed, over all runs
  int64_t skipped = 0;            // committed by earlier runs
  StreamReport stream;            // the plan, and what the ledger says at the end
  // Why the stream was not published; what was staged for it is discarded. Empty when it was.
  std::string refused;
  bool earlier_rows_kept = false;  // rows that earlier loads staged were not discarded with it
  std::optional<v1::Validation> validation;  // the answer to `validate_only`
};

class LoadSession {
 public:
  // Makes a source that begins at the first record, for a stream of that plan. The first call's
  // source may stand on input that was peeked at; a second call comes only when `rereadable`.
  using OpenSource =
      std::function<absl::StatusOr<std::unique_ptr<RecordSource>>(const v1::StreamPlan& plan)>;

  // `client` and `progress` must outlive the session.
  LoadSession(SyncClient* client, LoadOptions options, OpenSource open_source, bool rereadable,
              ProgressLine* progress);

  LoadReport Run();

 private:
  absl::Status RunToEnd();
  absl::Status Start();
  absl::Status Attempt();
  absl::Status SendAll(RecordSource* source, StreamWriter* writer);
  absl::Status Flush(StreamWriter* writer);
  absl::Status TakeRecord(const SourceRecord& record, StreamWriter* writer);
  absl::Status End();
  absl::Status Complete();
  absl::Status Validate();
  absl::Status Discard();
  absl::Status ReadSummary(absl::Duration retry_for);
  v1::CompleteStreamRequest Completion(v1::StreamStatus status) const;

  SyncClient* const client_;
  const LoadOptions options_;
  const OpenSource open_source_;
  const bool rereadable_;
  ProgressLine* const progress_;
  ReplayWindow window_;
  std::unique_ptr<RecordBatchBuilder> batch_;
  int64_t seen_ = 0;
  LineIndex lines_;  // where the records stand in the input
  bool ends_inside_record_ = false;
  absl::Status input_fault_;  // the input could not be read to its end
  LoadReport report_;
};

}  // namespace syncline::client

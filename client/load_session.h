// One run of `syncline load`: loads a file's records into one stream, starting where an earlier run
// of the same sync stopped.
//
// After a broken call a file is read again. Stdin cannot be read again, so its records are kept in
// a bounded window until they are durable. For use by one thread.
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
  bool sole_caller = false;    // no other process knows the sync id
  bool keep_open = false;      // another writer completes the stream
  bool staged = false;         // the table changes only at the end (all modes but append)
  bool validate_only = false;  // report what completion would do, then discard
  EndRules end_rules;
  absl::Duration retry_for = absl::Minutes(5);
  int64_t replay_window_bytes = int64_t{128} << 20;
  // How long to wait on a full window before closing a call to force a commit. The server commits
  // about once a second and answers at once, so after this time no answer is expected.
  absl::Duration window_timeout = absl::Seconds(3);
};

struct LoadReport {
  absl::Status status;  // the error that stopped the run
  bool interrupted = false;
  bool completed_before = false;  // by an earlier run with this sync id; nothing was done
  int64_t durable_offset = 0;     // records committed, over all runs
  int64_t skipped = 0;            // committed by earlier runs
  StreamReport stream;            // the plan, and the ledger's counts at the end
  // Why the stream was not published and its staged records were discarded; empty if it was
  // published.
  std::string refused;
  bool earlier_rows_kept = false;            // rows that earlier loads staged were not discarded
  std::optional<v1::Validation> validation;  // the result of `validate_only`
};

class LoadSession {
 public:
  // Creates a source that begins at the first record, for a stream with that plan. It is called a
  // second time only if the input is `rereadable`.
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
  LineIndex lines_;  // the records' lines in the input
  bool ends_inside_record_ = false;
  absl::Status input_fault_;  // why the input could not be read to its end
  LoadReport report_;
};

}  // namespace syncline::client

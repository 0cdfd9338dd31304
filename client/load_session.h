// One run of `syncline load`: loads the records of its inputs into one stream, starting where an
// earlier run of the same sync stopped, and completes the stream.
//
// Several inputs are loaded in parallel, each by a writer of its own. For use by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "client/load_options.h"
#include "client/progress.h"
#include "client/replay_window.h"
#include "client/report.h"
#include "client/sync_client.h"
#include "client/writer_load.h"

namespace syncline::client {

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
  // Inputs that are read at the same time. A server loads each in two lanes by default.
  static constexpr size_t kMaxParallelInputs = 4;

  // `client` and `progress` must outlive the session. There is at least one source.
  LoadSession(SyncClient* client, LoadOptions options, std::vector<LoadSource> sources,
              ProgressLine* progress);

  LoadReport Run();

 private:
  absl::Status RunToEnd();
  absl::Status Start();
  absl::Status LoadAll();
  void ShowProgress(size_t index, int64_t records, int64_t bytes);
  absl::Status Collect(const absl::Status& loaded);
  absl::Status End();
  absl::Status Complete();
  absl::Status Validate();
  absl::Status Discard();
  absl::Status ReadSummary(absl::Duration retry_for);
  void FindLine(RejectedReason* reason) const;
  v1::CompleteStreamRequest Completion(v1::StreamStatus status) const;

  SyncClient* const client_;
  const LoadOptions options_;
  ReplayWindow window_;
  std::vector<std::unique_ptr<WriterLoad>> loads_;
  LoadReport report_;

  Mutex progress_mutex_;
  ProgressLine* const progress_;
  // Rows of this run and bytes of each input.
  std::vector<std::pair<int64_t, int64_t>> read_ ABSL_GUARDED_BY(progress_mutex_);
};

}  // namespace syncline::client

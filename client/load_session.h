// One run of `syncline load`: a file's records into one stream, from where an earlier run stopped.
//
// A file is read again after a broken call; stdin cannot be, so what is not yet durable is then
// kept in a bounded window. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/progress.h"
#include "client/record_batch.h"
#include "client/replay_window.h"
#include "client/sources/record_source.h"
#include "client/stream_writer.h"
#include "client/sync_client.h"

namespace syncline::client {

struct LoadOptions {
  v1::StartSyncRequest start;  // with exactly one stream
  std::string writer_id;
  bool keep_open = false;  // do not complete the stream: another writer will
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
  v1::StreamPlan plan;
  v1::StreamSummary summary;  // the ledger's last word; empty when it could not be asked
};

class LoadSession {
 public:
  // Makes a source that begins at the first record. The first call's source may stand on input that
  // was peeked at; a second call comes only when `rereadable`.
  using OpenSource = std::function<absl::StatusOr<std::unique_ptr<RecordSource>>()>;

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
  absl::Status Complete();

  SyncClient* const client_;
  const LoadOptions options_;
  const OpenSource open_source_;
  const bool rereadable_;
  ProgressLine* const progress_;
  ReplayWindow window_;
  std::unique_ptr<RecordBatchBuilder> batch_;
  int64_t seen_ = 0;
  LoadReport report_;
};

}  // namespace syncline::client

// Loads the records of one input as one writer of a stream, starting at the writer's durable
// offset.
//
// After a broken call a file is read again. Other input cannot be read again, so its records are
// kept in a bounded window until they are durable. For use by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "client/line_index.h"
#include "client/load_options.h"
#include "client/record_batch.h"
#include "client/replay_window.h"
#include "client/stream_writer.h"
#include "client/sync_client.h"
#include "client/writer_epochs.h"

namespace syncline::client {

class WriterLoad {
 public:
  // Called after each piece of input with the records and the bytes (those of the stored file, if
  // that is known) read so far.
  using Progress = std::function<void(int64_t records, int64_t bytes)>;

  // `client`, `options` and `window`, which is shared by all writers of the load, must outlive this
  // object.
  WriterLoad(SyncClient* client, const LoadOptions* options, LoadSource source,
             ReplayWindow* window, Progress progress);

  // Takes the plan and the writer's durable offset from the response of StartSync. Must be called
  // before Run.
  void Begin(const v1::StartSyncResponse& started);

  // Sends the records that are not durable yet and waits until they are. Errors: input_fault(), and
  // those of calls that are not or no longer retried.
  absl::Status Run();

  const LoadSource& source() const { return source_; }
  // Returns the number of records that the input has, as far as it was read.
  int64_t records() const { return seen_; }
  // Returns the number of records that are committed, over all runs, and by earlier runs.
  int64_t durable_offset() const { return durable_offset_; }
  int64_t skipped() const { return skipped_; }
  // Returns why the input could not be read to its end, or OK.
  const absl::Status& input_fault() const { return input_fault_; }
  bool interrupted() const { return interrupted_; }
  bool ends_inside_record() const { return ends_inside_record_; }
  // Returns the records' lines in the input.
  const LineIndex& lines() const { return lines_; }

 private:
  void UsePlan(const v1::StartSyncResponse& started);
  absl::Status Attempt();
  absl::Status SendAll(RecordSource* source, StreamWriter* writer);
  absl::Status Flush(StreamWriter* writer);
  absl::Status TakeRecord(const SourceRecord& record, StreamWriter* writer);
  absl::Status NameInput(const absl::Status& status) const;

  SyncClient* const client_;
  const LoadOptions& options_;
  const LoadSource source_;
  ReplayWindow* const window_;
  const Progress progress_;
  v1::StreamPlan plan_;
  WriterEpochs epochs_;
  std::unique_ptr<RecordBatchBuilder> batch_;
  int64_t seen_ = 0;
  int64_t durable_offset_ = 0;
  int64_t skipped_ = 0;
  LineIndex lines_;
  bool interrupted_ = false;
  bool ends_inside_record_ = false;
  absl::Status input_fault_;
};

}  // namespace syncline::client

// Sends the records of one writer of one stream, in order, and sees them committed.
//
// Owns at most one StreamRecords call: opened by the first message, half-closed by Close, opened
// anew by what is sent after that. What was sent and is not yet known to be durable is kept when a
// ReplayWindow is given; a call that breaks in a way that may pass is then repeated from the
// durable offset that StartSync tells, without the caller noticing. Without a window such an error
// comes back to the caller, who reads his input again. An error that comes back is final: the
// writer answers it from then on.
//
// One thread at a time, except Acknowledge and held_bytes, which any thread may call.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "client/replay_window.h"
#include "client/retry.h"
#include "client/sync_client.h"

namespace syncline::client {

struct StreamWriterOptions {
  v1::StartSyncRequest start;  // the sync's own request: repeated to learn where the writer stands
  v1::StreamDescriptor descriptor;
  std::string writer_id;
  int64_t next_offset = 0;  // what StartSync said is durable
  absl::Duration retry_for = absl::Minutes(5);
};

class StreamWriter {
 public:
  // `client` and `window`, which may be null, must outlive the writer.
  StreamWriter(SyncClient* client, ReplayWindow* window, StreamWriterOptions options);
  // Cancels a call that is still open.
  ~StreamWriter();

  // Sends `records` records; `batch` holds their payload, its first_offset is set here and
  // added to the offsets of unreadable records. Blocks
  // while the server does not read.
  absl::Status Send(std::unique_ptr<v1::StreamRecordsRequest> batch, int64_t records);

  // Sends a checkpoint of everything sent so far, or of the positions that it names.
  absl::Status SendCheckpoint(const v1::Checkpoint& checkpoint);

  // Half-closes and waits until everything is committed. Fine when nothing was sent.
  absl::Status Close();

  // What is known to be durable: records below `durable_offset`, and the checkpoint of that id if
  // one is given.
  void Acknowledge(int64_t durable_offset, absl::string_view checkpoint_id = "");

  // Number of the next record.
  int64_t next_offset() const { return next_offset_; }
  int64_t durable_offset() const;
  // Bytes that wait to be known as durable.
  int64_t held_bytes() const;

 private:
  struct Sent {
    std::shared_ptr<const v1::StreamRecordsRequest> request;
    int64_t end_offset;
    int64_t bytes;
  };

  absl::Status Deliver(std::unique_ptr<v1::StreamRecordsRequest> request);
  bool Open();
  absl::Status Recover(absl::Status error);
  absl::Status RecoverOnce(absl::Status error);
  bool ResendAll();
  void ReleaseAll();
  absl::StatusOr<int64_t> AskDurableOffset();

  SyncClient* const client_;
  ReplayWindow* const window_;
  const StreamWriterOptions options_;
  int64_t next_offset_;
  Retry retry_;
  std::unique_ptr<RecordsCall> call_;
  absl::Status broken_;  // what ended the writer for good

  mutable Mutex mutex_;
  std::deque<Sent> sent_ ABSL_GUARDED_BY(mutex_);
  int64_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t durable_offset_ ABSL_GUARDED_BY(mutex_);
};

// Where `writer_id` stands according to a plan: 0 when the plan does not list it.
int64_t DurableOffset(const v1::StreamPlan& plan, absl::string_view writer_id);

}  // namespace syncline::client

// Sends the records of one writer of one stream in order, and waits until they are committed.
//
// Owns at most one AppendRecords call. The first message opens it, Close half-closes it, and the
// next message after Close opens another one. With a ReplayWindow, messages are kept until the
// call's answers say that they are durable; if a call fails with a retryable error, they are resent
// from the durable offset that StartSync returns, without the caller's involvement. Without a
// window the error is returned, and the caller reads its input again. A returned error is final:
// every later call returns it.
//
// For use by one thread at a time, except durable_offset, epochs and held_bytes, which are
// thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "client/append_call.h"
#include "client/replay_window.h"
#include "client/retry.h"
#include "client/sync_client.h"
#include "client/writer_epochs.h"

namespace syncline::client {

struct StreamWriterOptions {
  v1::StartSyncRequest start;  // repeated to get the durable offset
  v1::StreamDescriptor descriptor;
  std::string writer_id;
  int64_t next_offset = 0;  // the durable offset that StartSync returned
  // Those of the writer's calls. A call fails with FENCED if the writer's epoch is higher than the
  // call expects. If no other process knows the sync id, FENCED is retried once.
  WriterEpochs epochs;
  // StreamPlan.plan_version that StartSync returned; 0 from an older server.
  int64_t plan_version = 0;
  absl::Duration retry_for = absl::Minutes(5);
  // Receives what the answers of the call report: the durable offset, and the newest checkpoint
  // that is in the ledger together with all earlier ones of the call, or an empty string. Called on
  // a thread of gRPC, one answer at a time. It should not block. May be null.
  std::function<void(int64_t durable_offset, const std::string& checkpoint_id)> on_durable = {};
};

class StreamWriter {
 public:
  // `client` and `window`, which may be null, must outlive the writer.
  StreamWriter(SyncClient* client, ReplayWindow* window, StreamWriterOptions options);
  // Cancels the call if it is still open.
  ~StreamWriter();

  // Sends `records` records. `batch` holds their payload; its first_offset is set here and added to
  // the offsets of unreadable records. Blocks while the server does not read.
  absl::Status Send(std::unique_ptr<v1::AppendRecordsRequest> batch, int64_t records);

  // Sends a checkpoint of everything sent so far, or of the positions that it names.
  absl::Status SendCheckpoint(const v1::Checkpoint& checkpoint);

  // Half-closes the call and waits until everything is committed; a call that ends without that is
  // repeated, as one that fails. Returns OK if nothing was sent.
  absl::Status Close();

  // Cancels the call if it is open. No answer arrives afterwards.
  void Cancel() { call_.reset(); }

  // Uses another request and plan version from the next call on. Must be called while no call is
  // open, which is the case after Close.
  void UsePlan(v1::StartSyncRequest start, int64_t plan_version);

  // Returns the number of the next record.
  int64_t next_offset() const { return next_offset_; }
  int64_t durable_offset() const;
  // Returns the epochs of the calls so far, for the next writer of the same records.
  WriterEpochs epochs() const;
  // Returns the bytes that are kept until they are known to be durable.
  int64_t held_bytes() const;

 private:
  struct Sent {
    std::shared_ptr<const v1::AppendRecordsRequest> request;
    int64_t end_offset;
    int64_t bytes;
    bool stored;  // a checkpoint that is in the ledger
  };

  void OnAnswer(const v1::AppendRecordsResponse& answer);
  // Marks everything below `durable_offset` as durable and, if an id is given, the checkpoints up
  // to that one as stored. The records before a checkpoint of several writers need not be durable.
  void Acknowledge(int64_t durable_offset, absl::string_view checkpoint_id = "");
  void MarkStored(absl::string_view checkpoint_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Deliver(std::unique_ptr<v1::AppendRecordsRequest> request);
  bool Open();
  // Half-closes the call, waits for its end and returns its status.
  absl::Status FinishCall();
  absl::Status Recover(absl::Status error);
  absl::Status RecoverOnce(absl::Status error);
  bool ResendAll();
  void ReleaseAll();
  // Returns the durable offset, and updates the epochs.
  absl::StatusOr<int64_t> FetchDurableOffset();

  SyncClient* const client_;
  ReplayWindow* const window_;
  StreamWriterOptions options_;
  int64_t next_offset_;
  Retry retry_;
  std::unique_ptr<AppendCall> call_;
  absl::Status broken_;  // the final error

  mutable Mutex mutex_;
  WriterEpochs epochs_ ABSL_GUARDED_BY(mutex_);
  std::deque<Sent> sent_ ABSL_GUARDED_BY(mutex_);
  int64_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string last_checkpoint_id_ ABSL_GUARDED_BY(mutex_);  // acknowledged
  int64_t durable_offset_ ABSL_GUARDED_BY(mutex_);
};

// Returns the durable offset of `writer_id` in `plan`, or 0 if the plan does not list it.
int64_t DurableOffset(const v1::StreamPlan& plan, absl::string_view writer_id);

// Returns the epoch of `writer_id` in `plan`: 0 if the plan does not list it, nullopt if the server
// is too old to return epochs.
std::optional<int64_t> WriterEpoch(const v1::StreamPlan& plan, absl::string_view writer_id);

}  // namespace syncline::client

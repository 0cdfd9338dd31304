// StreamRecordsReactor: one StreamRecords call, between gRPC's callback API and a WriterCall.
//
// Reads a message, passes it on, and starts the next read only when the WriterCall permits it: not
// reading is the back-pressure. The call may end at any time, even while a read is outstanding;
// draining, fencing and failed lanes need this (decision 0008). Methods run on gRPC's threads and
// never block; blocking work runs on the claim pool. Owns itself until OnDone.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "base/free_list.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "server/metrics/metrics.h"
#include "server/model/access_token.h"
#include "server/rpc/admission.h"
#include "server/rpc/message_reader.h"
#include "server/sync/repeated_call.h"
#include "server/sync/sync_registry.h"
#include "server/sync/writer_call.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

// Dependencies shared by all calls. Every pointer must outlive them.
struct StreamRecordsContext {
  sync::SyncRegistry* registry = nullptr;
  Admission* admission = nullptr;
  ThreadPool* claim_pool = nullptr;
  metrics::Metrics* metrics = nullptr;
  FreeStrings* texts = nullptr;
};

class StreamRecordsReactor final : public grpc::ServerReadReactor<grpc::ByteBuffer>,
                                   public std::enable_shared_from_this<StreamRecordsReactor> {
 public:
  // Starts reading. The call is already admitted; OnDone releases its slot.
  static StreamRecordsReactor* Start(const StreamRecordsContext& context, Identity caller,
                                     grpc::ByteBuffer* response);

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  StreamRecordsReactor(const StreamRecordsContext& context, Identity caller,
                       grpc::ByteBuffer* response)
      : context_(context),
        caller_(std::move(caller)),
        reader_(context.texts),
        response_(response) {}

  void OnMessage(v1::StreamRecordsRequest message);
  void OnHeader(const v1::StreamHeader& header);
  void OnBatch(std::unique_ptr<v1::RecordBatch> records);
  void OnCheckpoint(v1::Checkpoint checkpoint);
  // Checks the caller, claims the writer and starts reading. Blocks; runs on the claim pool.
  void Open(const v1::StreamHeader& header);
  // Continues as a repeated call, because the stream has been completed. Blocks.
  void Repeat(sync::StreamSession& session, const v1::StreamHeader& header);

  std::shared_ptr<sync::WriterCall> call() const;
  void ReadNext();
  // Commits what the call has accepted and ends it with `status`. Ends it immediately if it is not
  // open yet.
  void EndWith(const absl::Status& status);
  void FinishOnce(const absl::Status& status, const sync::CallSummary& summary);

  const StreamRecordsContext context_;
  const Identity caller_;
  MessageReader reader_;  // used by one read at a time
  grpc::ByteBuffer* const response_;
  std::shared_ptr<StreamRecordsReactor> self_;  // reset by OnDone
  grpc::ByteBuffer request_;                    // bytes of the outstanding read
  std::string sync_id_;
  std::string name_;  // "sync/stream/writer" for the log; set by the header

  mutable Mutex mutex_;
  bool header_seen_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<sync::StreamSession> session_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<sync::WriterCall> call_ ABSL_GUARDED_BY(mutex_);
  // Set instead of call_ if the stream has been completed. Set before the first read after the
  // header, then used only by reads.
  std::optional<sync::RepeatedCall> repeated_;
};

// A call that is refused before it is read. Its creator calls Finish.
class RefusedStream final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  void OnDone() override { delete this; }
};

}  // namespace syncline::rpc

// AppendRecordsReactor: one AppendRecords call. It receives records as RecordsReceiver does, and
// answers when the writer is open, after commits, and at the end.
//
// At most one answer is being written; commits that follow are combined into the next one, which is
// made when it is written. So a caller that does not read its answers costs no memory and slows
// nothing down. Such a caller would also keep the call from ending, so the call is cancelled if its
// end has not been taken after 5 s. Methods run on gRPC's and the lanes' threads and never block.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/rpc/admission.h"
#include "server/rpc/records_receiver.h"
#include "server/sync/writer_call.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::rpc {

class AppendRecordsReactor final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public RecordsReceiver {
 public:
  // Starts reading. `place` is that of a silent call. `grpc_context` must exist until OnDone.
  static AppendRecordsReactor* Start(const ReceiverContext& context, StreamCaller caller,
                                     Admission::Call place, const v1::Limits& limits,
                                     grpc::CallbackServerContext* grpc_context);

  void OnReadDone(bool ok) override { ReadDone(ok); }
  void OnWriteDone(bool ok) override;
  void OnCancel() override { Cancelled(); }
  void OnDone() override;

  // Also cancels a call whose end the caller does not take.
  void EndIfSilent(absl::Time now) override;

 private:
  // How the call ends.
  struct End {
    absl::Status status;
    sync::CallSummary summary;
    absl::Time since;
  };

  AppendRecordsReactor(const ReceiverContext& context, StreamCaller caller, Admission::Call place,
                       const v1::Limits& limits, grpc::CallbackServerContext* grpc_context);

  void StartReadInto(grpc::ByteBuffer* message) override { StartRead(message); }
  void OnOpened(int64_t epoch, int64_t durable_offset) override;
  void OnCommitted() override;
  void FinishCall(const absl::Status& status, const sync::CallSummary& summary) override;

  // Writes an answer. Only for the function that has set writing_.
  void Write(const v1::AppendRecordsResponse& answer);
  // Sends the end, with a last answer if there is something that the caller has not been sent. Only
  // for the function that has set closed_.
  void SendEnd(const End& end, bool with_answer);

  const v1::Limits limits_;
  grpc::CallbackServerContext* const grpc_context_;
  grpc::ByteBuffer answer_;  // of the outstanding write

  Mutex mutex_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool due_ ABSL_GUARDED_BY(mutex_) = false;  // a commit is newer than the latest answer
  std::optional<End> end_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;  // nothing is written any more
  bool over_ ABSL_GUARDED_BY(mutex_) = false;    // OnDone was called
};

// A call that is refused before it is read. Its creator calls Finish.
class RefusedAppend final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
 public:
  void OnDone() override { delete this; }
};

}  // namespace syncline::rpc

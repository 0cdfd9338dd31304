// StreamRecordsReactor: one StreamRecords call. It receives records as RecordsReceiver does, and
// sends one response when all of them are committed. Methods run on gRPC's threads and never block.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>

#include "absl/status/status.h"
#include "server/rpc/admission.h"
#include "server/rpc/records_receiver.h"
#include "server/sync/writer_call.h"

namespace syncline::rpc {

class StreamRecordsReactor final : public grpc::ServerReadReactor<grpc::ByteBuffer>,
                                   public RecordsReceiver {
 public:
  // Starts reading. `place` is that of a silent call. `response` must exist until OnDone.
  static StreamRecordsReactor* Start(const ReceiverContext& context, StreamCaller caller,
                                     Admission::Call place, grpc::ByteBuffer* response);

  void OnReadDone(bool ok) override { ReadDone(ok); }
  void OnCancel() override { Cancelled(); }
  void OnDone() override { Over(); }

 private:
  StreamRecordsReactor(const ReceiverContext& context, StreamCaller caller, Admission::Call place,
                       grpc::ByteBuffer* response);

  void StartReadInto(grpc::ByteBuffer* message) override { StartRead(message); }
  void OnOpened(int64_t, int64_t) override {}
  void OnCommitted() override {}
  void FinishCall(const absl::Status& status, const sync::CallSummary& summary) override;

  grpc::ByteBuffer* const response_;
};

// A call that is refused before it is read. Its creator calls Finish.
class RefusedStream final : public grpc::ServerReadReactor<grpc::ByteBuffer> {
 public:
  void OnDone() override { delete this; }
};

}  // namespace syncline::rpc

#include "server/rpc/stream_records_reactor.h"

#include <memory>
#include <utility>

#include "server/rpc/status_conversion.h"
#include "server/rpc/stream_call_end.h"

namespace syncline::rpc {

StreamRecordsReactor* StreamRecordsReactor::Start(const ReceiverContext& context,
                                                  StreamCaller caller, Admission::Call place,
                                                  grpc::ByteBuffer* response) {
  const std::shared_ptr<StreamRecordsReactor> stream(
      new StreamRecordsReactor(context, std::move(caller), std::move(place), response));
  stream->Begin(stream);
  return stream.get();
}

StreamRecordsReactor::StreamRecordsReactor(const ReceiverContext& context, StreamCaller caller,
                                           Admission::Call place, grpc::ByteBuffer* response)
    : RecordsReceiver("StreamRecords", context, std::move(caller), std::move(place)),
      response_(response) {}

void StreamRecordsReactor::FinishCall(const absl::Status& status,
                                      const sync::CallSummary& summary) {
  if (status.ok()) {
    const grpc::Status serialized = SerializeResponse(summary, response_);
    if (!serialized.ok()) return Finish(serialized);
  }
  Finish(ToGrpc(status));
}

}  // namespace syncline::rpc

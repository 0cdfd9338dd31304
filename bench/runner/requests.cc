#include "bench/runner/requests.h"

#include "bench/data/record_text.h"

namespace syncline::bench {

v1::StartSyncRequest AppendRequest(const std::string& sync_id, const std::string& schema,
                                   const RecordShape& shape) {
  v1::StartSyncRequest request;
  request.set_sync_id(sync_id);
  v1::StreamConfig* const stream = request.add_streams();
  stream->mutable_descriptor()->set_namespace_(schema);
  stream->mutable_descriptor()->set_name(shape.name);
  stream->set_json_schema(JsonSchemaOf(shape));
  stream->set_write_mode(v1::WRITE_MODE_APPEND);
  return request;
}

v1::StreamRecordsRequest HeaderOf(const std::string& sync_id,
                                  const v1::StreamDescriptor& descriptor) {
  v1::StreamRecordsRequest request;
  request.mutable_header()->set_sync_id(sync_id);
  *request.mutable_header()->mutable_descriptor() = descriptor;
  return request;
}

v1::CompleteStreamRequest CompletionOf(const std::string& sync_id,
                                       const v1::StreamDescriptor& descriptor) {
  v1::CompleteStreamRequest request;
  request.set_sync_id(sync_id);
  *request.mutable_descriptor() = descriptor;
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  return request;
}

}  // namespace syncline::bench

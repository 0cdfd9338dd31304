#include "server/rpc/message_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <memory>
#include <string>
#include <utility>

namespace syncline::rpc {
namespace {

// The memory budget charges a message's size, not its buffer's capacity. So a buffer may be at most
// this many times as large as the message.
constexpr size_t kMaxCapacityRatio = 2;

bool ReadInto(grpc::ByteBuffer* buffer, v1::StreamRecordsRequest* message) {
  grpc::ProtoBufferReader chunks(buffer);
  if (!chunks.status().ok()) return false;
  google::protobuf::io::CodedInputStream input(&chunks);
  return message->MergeFromCodedStream(&input) && input.ConsumedEntireMessage();
}

// Returns whether the placed buffer is still in the message and empty.
bool IsBufferUnused(const v1::StreamRecordsRequest& message) {
  if (!message.has_batch()) return false;
  switch (message.batch().payload_case()) {
    case v1::RecordBatch::kJsonl:
      return message.batch().jsonl().empty();
    case v1::RecordBatch::kAirbyteJsonl:
      return message.batch().airbyte_jsonl().empty();
    case v1::RecordBatch::kRows:
    case v1::RecordBatch::PAYLOAD_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace

bool MessageReader::Read(grpc::ByteBuffer* buffer, v1::StreamRecordsRequest* message) {
  const bool placed = PlaceBuffer(buffer->Length(), message);
  bool read = ReadInto(buffer, message);
  if (read && placed && IsBufferUnused(*message)) {
    // The message has either an empty payload or none of this kind. Only a parse without a placed
    // buffer distinguishes the two.
    message->Clear();
    read = ReadInto(buffer, message);
  }
  buffer->Clear();
  if (message->has_batch()) payload_ = message->batch().payload_case();
  return read;
}

bool MessageReader::PlaceBuffer(size_t bytes, v1::StreamRecordsRequest* message) {
  if (payload_ != v1::RecordBatch::kJsonl && payload_ != v1::RecordBatch::kAirbyteJsonl) {
    return false;
  }
  std::unique_ptr<std::string> text = buffers_->Take();
  if (text == nullptr) return false;
  if (const size_t room = text->capacity(); room > kMaxCapacityRatio * bytes) {
    buffers_->Give(std::move(text), room);
    return false;
  }
  text->clear();
  if (payload_ == v1::RecordBatch::kJsonl) {
    message->mutable_batch()->set_allocated_jsonl(text.release());
  } else {
    message->mutable_batch()->set_allocated_airbyte_jsonl(text.release());
  }
  return true;
}

}  // namespace syncline::rpc

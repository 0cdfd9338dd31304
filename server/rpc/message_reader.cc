#include "server/rpc/message_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/slice.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace syncline::rpc {
namespace {

// The memory budget charges a message's size, not its buffer's capacity. So a buffer may be at most
// this many times as large as the message.
constexpr size_t kMaxCapacityRatio = 2;

// Messages larger than this are freed while they are read, so that they do not take memory twice.
// Smaller ones can be read a second time.
constexpr size_t kFreedWhileReadBytes = 1 << 20;

// The bytes of slices, each of which is freed when the next one is read.
class FreeingStream final : public google::protobuf::io::ZeroCopyInputStream {
 public:
  explicit FreeingStream(std::vector<grpc::Slice> slices) : slices_(std::move(slices)) {}

  bool Next(const void** data, int* size) override {
    while (left_ == 0) {
      if (next_ > 0) slices_[next_ - 1] = grpc::Slice();
      if (next_ == slices_.size()) return false;
      left_ = slices_[next_++].size();
    }
    *data = slices_[next_ - 1].end() - left_;
    *size = static_cast<int>(left_);
    count_ += std::exchange(left_, 0);
    return true;
  }
  void BackUp(int count) override {
    left_ += static_cast<size_t>(count);
    count_ -= static_cast<size_t>(count);
  }
  bool Skip(int count) override {
    const void* data = nullptr;
    int size = 0;
    while (count > 0 && Next(&data, &size)) {
      if (size > count) BackUp(size - count);
      count -= std::min(size, count);
    }
    return count == 0;
  }
  int64_t ByteCount() const override { return static_cast<int64_t>(count_); }

 private:
  std::vector<grpc::Slice> slices_;
  size_t next_ = 0;   // of the slice after the current one
  size_t left_ = 0;   // unread bytes at the end of the current one
  size_t count_ = 0;  // bytes read
};

bool ReadAndFree(grpc::ByteBuffer* buffer, v1::StreamRecordsRequest* message) {
  std::vector<grpc::Slice> slices;
  if (!buffer->Dump(&slices).ok()) return false;
  buffer->Clear();
  FreeingStream chunks(std::move(slices));
  google::protobuf::io::CodedInputStream input(&chunks);
  return message->MergeFromCodedStream(&input) && input.ConsumedEntireMessage();
}

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
  const bool large = buffer->Length() > kFreedWhileReadBytes;
  const bool placed = !large && PlaceBuffer(buffer->Length(), message);
  bool read = large ? ReadAndFree(buffer, message) : ReadInto(buffer, message);
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

#include "server/rpc/message_size.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

// Sizes of objects, with what malloc adds, rounded up.
constexpr int64_t kMessageBytes = 256;
constexpr int64_t kStringBytes = 64;
constexpr int64_t kScalarBytes = 8;
constexpr int64_t kUnknownFieldBytes = 64;

// Packed rows of small integers take eight times their bytes.
constexpr int64_t kMaxRatio = 10;
constexpr int64_t kAlwaysAllowedBytes = 1 << 20;
constexpr int kMaxDepth = 100;  // of protobuf's parser

class Walker {
 public:
  Walker(CodedInputStream* input, int64_t limit) : input_(input), limit_(limit) {}

  // Adds the fields of a message, up to the end of the input or its limit. Returns false if they
  // cannot be read, or if the sum is beyond the limit.
  bool AddFields(const Descriptor& type, int depth) {
    if (depth > kMaxDepth) return false;
    while (const uint32_t tag = input_->ReadTag()) {
      if (!AddField(type, tag, depth) || bytes_ > limit_) return false;
    }
    return true;
  }

  int64_t bytes() const { return bytes_; }

 private:
  bool AddField(const Descriptor& type, uint32_t tag, int depth) {
    const FieldDescriptor* const field =
        type.FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
    bytes_ += field == nullptr ? kUnknownFieldBytes : kScalarBytes;
    switch (WireFormatLite::GetTagWireType(tag)) {
      case WireFormatLite::WIRETYPE_VARINT: {
        uint64_t ignored = 0;
        return input_->ReadVarint64(&ignored);
      }
      case WireFormatLite::WIRETYPE_FIXED32:
        return input_->Skip(sizeof(uint32_t));
      case WireFormatLite::WIRETYPE_FIXED64:
        return input_->Skip(sizeof(uint64_t));
      case WireFormatLite::WIRETYPE_LENGTH_DELIMITED:
        return AddDelimited(field, depth);
      case WireFormatLite::WIRETYPE_START_GROUP:  // unknown; its fields follow
      case WireFormatLite::WIRETYPE_END_GROUP:
        return true;
    }
    return false;
  }

  bool AddDelimited(const FieldDescriptor* field, int depth) {
    uint32_t length = 0;
    if (!input_->ReadVarint32(&length)) return false;
    if (field != nullptr && field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      bytes_ += kMessageBytes;
      const CodedInputStream::Limit outer = input_->PushLimit(static_cast<int>(length));
      const bool added = AddFields(*field->message_type(), depth + 1);
      input_->PopLimit(outer);
      return added;
    }
    // A length beyond the end of the message takes no memory: the parser refuses the message.
    if (!input_->Skip(static_cast<int>(length))) return false;
    bytes_ += GetFactor(field) * static_cast<int64_t>(length) + kStringBytes;
    return true;
  }

  // Returns how many bytes one byte of the field's content becomes.
  static int64_t GetFactor(const FieldDescriptor* field) {
    if (field == nullptr) return 1;
    switch (field->type()) {
      case FieldDescriptor::TYPE_INT64:
      case FieldDescriptor::TYPE_UINT64:
      case FieldDescriptor::TYPE_SINT64:
        return sizeof(int64_t);
      case FieldDescriptor::TYPE_INT32:
      case FieldDescriptor::TYPE_UINT32:
      case FieldDescriptor::TYPE_SINT32:
      case FieldDescriptor::TYPE_ENUM:
        return sizeof(int32_t);
      default:
        return 1;
    }
  }

  CodedInputStream* const input_;
  const int64_t limit_;
  int64_t bytes_ = kMessageBytes;
};

}  // namespace

absl::StatusOr<int64_t> MeasureMessage(const grpc::ByteBuffer& bytes, const Descriptor& type) {
  const int64_t limit = kMaxRatio * static_cast<int64_t>(bytes.Length()) + kAlwaysAllowedBytes;
  grpc::ByteBuffer shared = bytes;  // shares the slices by reference counting
  grpc::ProtoBufferReader chunks(&shared);
  if (!chunks.status().ok()) return kMessageBytes;
  CodedInputStream input(&chunks);
  Walker walker(&input, limit);
  walker.AddFields(type, 0);
  if (walker.bytes() <= limit) return walker.bytes();
  return sync::InvalidRequest(
      {{"message",
        "has too many small parts: it would take more than 10 times its size plus 1 MiB of "
        "memory"}});
}

}  // namespace syncline::rpc

#include "server/rpc/message_reader.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace syncline::rpc {
namespace {

constexpr size_t kLarge = 200'000;

// Splits `bytes` into slices, as they arrive from the network.
grpc::ByteBuffer OnTheWire(const std::string& bytes) {
  std::vector<grpc::Slice> slices;
  for (size_t at = 0; at < bytes.size(); at += 8192) {
    slices.emplace_back(bytes.substr(at, 8192));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

std::string LargeText(char fill) {
  std::string text(kLarge, fill);
  text.push_back('\n');
  return text;
}

v1::StreamRecordsRequest Jsonl(const std::string& text) {
  v1::StreamRecordsRequest message;
  message.mutable_batch()->set_first_offset(7);
  message.mutable_batch()->set_jsonl(text);
  message.mutable_batch()->set_emitted_at_ms(5);
  return message;
}

v1::StreamRecordsRequest AirbyteJsonl(const std::string& text) {
  v1::StreamRecordsRequest message;
  message.mutable_batch()->set_airbyte_jsonl(text);
  return message;
}

v1::StreamRecordsRequest Rows() {
  v1::StreamRecordsRequest message;
  v1::RowBatch* rows = message.mutable_batch()->mutable_rows();
  rows->add_columns("a");
  rows->set_row_count(1);
  rows->add_values()->mutable_texts()->set_data(LargeText('r'));
  return message;
}

v1::StreamRecordsRequest Header() {
  v1::StreamRecordsRequest message;
  message.mutable_header()->set_sync_id(LargeText('h'));
  return message;
}

// Returns a batch with `payload` (a serialized field, or empty) and a large unknown field.
std::string BatchWithUnknownField(const std::string& payload) {
  v1::RecordBatch batch;
  batch.GetReflection()->MutableUnknownFields(&batch)->AddLengthDelimited(1000, LargeText('u'));
  const std::string bytes = payload + batch.SerializeAsString();
  v1::StreamRecordsRequest message;
  message.GetReflection()->MutableUnknownFields(&message)->AddLengthDelimited(2, bytes);
  return message.SerializeAsString();
}

class MessageReaderTest : public testing::Test {
 protected:
  // Returns a reader that has just read a batch like `before`, with large buffers to read into.
  std::unique_ptr<MessageReader> ReaderAfter(const v1::StreamRecordsRequest& before) {
    auto reader = std::make_unique<MessageReader>(&buffers_);
    v1::StreamRecordsRequest message;
    EXPECT_TRUE(Read(*reader, before.SerializeAsString(), &message));
    for (int i = 0; i < 2; ++i) {
      buffers_.Give(std::make_unique<std::string>(2 * kLarge, 'x'), 2 * kLarge);
    }
    return reader;
  }

  static bool Read(MessageReader& reader, const std::string& bytes,
                   v1::StreamRecordsRequest* message) {
    grpc::ByteBuffer buffer = OnTheWire(bytes);
    const bool read = reader.Read(&buffer, message);
    EXPECT_EQ(buffer.Length(), 0);
    return read;
  }

  FreeStrings buffers_{100 * kLarge};
};

TEST_F(MessageReaderTest, ReadsIntoAnEarlierBuffer) {
  for (const bool airbyte : {false, true}) {
    const auto of = [airbyte](char fill) {
      return airbyte ? AirbyteJsonl(LargeText(fill)) : Jsonl(LargeText(fill));
    };
    const std::unique_ptr<MessageReader> reader = ReaderAfter(of('a'));
    std::unique_ptr<std::string> text = buffers_.Take();
    const char* const memory = text->data();
    buffers_.Give(std::move(text), 2 * kLarge);

    v1::StreamRecordsRequest message;
    ASSERT_TRUE(Read(*reader, of('b').SerializeAsString(), &message));
    EXPECT_EQ(message.SerializeAsString(), of('b').SerializeAsString());
    EXPECT_EQ((airbyte ? message.batch().airbyte_jsonl() : message.batch().jsonl()).data(), memory);
  }
}

TEST_F(MessageReaderTest, DoesNotUseAMuchLargerBuffer) {
  const std::unique_ptr<MessageReader> reader = ReaderAfter(Jsonl(LargeText('a')));
  for (const size_t bytes : {size_t{0}, size_t{100}, kLarge - 100}) {
    const std::string text(bytes, 'b');
    v1::StreamRecordsRequest message;
    ASSERT_TRUE(Read(*reader, Jsonl(text).SerializeAsString(), &message));
    EXPECT_EQ(message.batch().jsonl(), text);
    EXPECT_LE(message.batch().jsonl().capacity(), 2 * (bytes + 50)) << bytes;
    EXPECT_EQ(buffers_.size(), 2) << bytes;
  }
}

// Every message is read as protobuf would read it into a new message.
TEST_F(MessageReaderTest, ReadsEveryMessageAsProtobufDoes) {
  const std::string empty_jsonl("\x12\x00", 2);
  const std::string empty_airbyte_jsonl("\x1a\x00", 2);
  const std::string whole = Jsonl(LargeText('w')).SerializeAsString();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"jsonl", whole},
      {"airbyte_jsonl", AirbyteJsonl(LargeText('m')).SerializeAsString()},
      {"rows", Rows().SerializeAsString()},
      {"header", Header().SerializeAsString()},
      {"empty text", BatchWithUnknownField(empty_jsonl)},
      {"empty text of the other kind", BatchWithUnknownField(empty_airbyte_jsonl)},
      {"no payload", BatchWithUnknownField("")},
      {"two kinds, the last counts", BatchWithUnknownField(empty_airbyte_jsonl + empty_jsonl)},
      {"batch twice", whole + AirbyteJsonl(LargeText('t')).SerializeAsString()},
      {"batch and header", whole + Header().SerializeAsString()},
      {"header and batch", Header().SerializeAsString() + whole},
      {"cut off", whole.substr(0, whole.size() - 10)},
      {"foreign bytes behind", whole + std::string(100, '\xff')},
      {"foreign bytes", std::string(kLarge, '\xff')},
      {"nothing", ""},
  };
  for (const auto& before : {Jsonl(LargeText('a')), AirbyteJsonl(LargeText('a')), Rows()}) {
    for (const auto& [name, bytes] : cases) {
      SCOPED_TRACE(absl::StrCat(name, " after payload ", before.batch().payload_case()));
      const std::unique_ptr<MessageReader> reader = ReaderAfter(before);
      v1::StreamRecordsRequest expected;
      const bool valid = expected.ParseFromString(bytes);
      v1::StreamRecordsRequest message;
      ASSERT_EQ(Read(*reader, bytes, &message), valid);
      if (!valid) continue;
      EXPECT_EQ(message.message_case(), expected.message_case());
      EXPECT_EQ(message.batch().payload_case(), expected.batch().payload_case());
      EXPECT_EQ(message.SerializeAsString(), expected.SerializeAsString());
    }
  }
}

// Messages of more than 1 MiB are freed while they are read.
TEST_F(MessageReaderTest, ReadsLargeMessages) {
  const std::string text(size_t{3} << 20, 'l');
  v1::StreamRecordsRequest rows = Rows();
  rows.mutable_batch()->mutable_rows()->mutable_values(0)->mutable_texts()->set_data(text);
  for (const v1::StreamRecordsRequest& sent : {Jsonl(text), AirbyteJsonl(text), rows, Header()}) {
    std::string bytes = sent.SerializeAsString();
    MessageReader reader(&buffers_);
    v1::StreamRecordsRequest message;
    EXPECT_TRUE(Read(reader, bytes, &message));
    EXPECT_EQ(message.SerializeAsString(), bytes);
    bytes.pop_back();
    v1::StreamRecordsRequest cut;
    EXPECT_FALSE(Read(reader, bytes, &cut));
  }
}

}  // namespace
}  // namespace syncline::rpc

#include "server/rpc/message_size.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "syncline/v1/sync_service.pb.h"
#include "tests/support/status_matchers.h"

namespace syncline::rpc {
namespace {

using testing::StatusIs;

absl::StatusOr<int64_t> Measure(const std::string& bytes,
                                const google::protobuf::Descriptor& type) {
  const grpc::Slice slice(bytes);
  return MeasureMessage(grpc::ByteBuffer(&slice, 1), type);
}

template <typename Message>
absl::StatusOr<int64_t> Measure(const Message& message) {
  return Measure(message.SerializeAsString(), *message.GetDescriptor());
}

TEST(MessageSizeTest, TextIsChargedOnce) {
  v1::StreamRecordsRequest message;
  message.mutable_batch()->set_jsonl(std::string(1'000'000, 'x'));
  ASSERT_OK_AND_ASSIGN(const int64_t bytes, Measure(message));
  EXPECT_GE(bytes, 1'000'000);
  EXPECT_LT(bytes, 1'002'000);
}

// The estimate is compared with what protobuf itself says.
TEST(MessageSizeTest, CoversTypedRows) {
  v1::StreamRecordsRequest message;
  v1::RowBatch* const rows = message.mutable_batch()->mutable_rows();
  for (int column = 0; column < 20; ++column) {
    rows->add_columns(absl::StrCat("a column with a longer name ", column));
    v1::ColumnValues* const values = rows->add_values();
    for (int row = 0; row < 1000; ++row) {
      if (column % 2 == 0) {
        values->mutable_int64s()->add_values(row % 100);
      } else {
        values->mutable_texts()->add_lengths(1);
      }
    }
  }
  v1::StreamRecordsRequest parsed;
  ASSERT_TRUE(parsed.ParseFromString(message.SerializeAsString()));
  ASSERT_OK_AND_ASSIGN(const int64_t bytes, Measure(message));
  EXPECT_GT(bytes, 100'000);
  EXPECT_LT(bytes, 250'000);
}

TEST(MessageSizeTest, RefusesMillionsOfEmptyParts) {
  v1::StreamRecordsRequest names;
  v1::RowBatch* const rows = names.mutable_batch()->mutable_rows();
  for (int i = 0; i < 1'000'000; ++i) rows->add_columns("");
  EXPECT_THAT(Measure(names).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  v1::StartSyncRequest streams;
  for (int i = 0; i < 100'000; ++i) streams.add_streams();
  EXPECT_THAT(Measure(streams).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
}

TEST(MessageSizeTest, AllowsTheLargestPlan) {
  v1::StartSyncRequest request;
  for (int i = 0; i < 1000; ++i) {
    v1::StreamConfig* const stream = request.add_streams();
    stream->mutable_descriptor()->set_name(absl::StrCat("s", i));
    stream->set_json_schema("{}");
  }
  EXPECT_OK(Measure(request));
}

TEST(MessageSizeTest, EndsWithBytesThatAreNoMessage) {
  const google::protobuf::Descriptor& type = *v1::StreamRecordsRequest::descriptor();
  EXPECT_OK(Measure("", type));
  EXPECT_OK(Measure("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", type));
  EXPECT_OK(Measure(std::string("\x12\xff\xff\xff\xff\x0f", 6), type));
  EXPECT_OK(Measure(std::string("\x0a\xff\xff\xff\xff\x07", 6), *v1::GetSyncRequest::descriptor()))
      << "a text that is shorter than its length";
  EXPECT_OK(Measure(std::string(100, '\x0b'), type)) << "groups that never end";
  std::string nested;
  for (int i = 0; i < 1000; ++i) nested.insert(0, "\x12\x7f");
  EXPECT_OK(Measure(nested, type));
}

}  // namespace
}  // namespace syncline::rpc

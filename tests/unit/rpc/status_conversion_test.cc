#include "server/rpc/status_conversion.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/utf8.h"
#include "google/rpc/error_details.pb.h"

namespace syncline::rpc {
namespace {

constexpr size_t kMaxDetailBytes = 4 << 10;

google::rpc::ErrorInfo InfoOf(const google::rpc::Status& rich) {
  google::rpc::ErrorInfo info;
  EXPECT_TRUE(rich.details(0).UnpackTo(&info));
  return info;
}

TEST(StatusConversionTest, TextsAreCutBetweenCharacters) {
  std::string id = "a";
  for (int i = 0; i < 300; ++i) id += "\u00e4";
  const absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat(id, id),
                {.reason = "UNKNOWN", .metadata = {{"sync_id", id}}, .subject = id});
  const google::rpc::Status rich = ToRich(status);
  google::rpc::Status read;
  ASSERT_TRUE(read.ParseFromString(rich.SerializeAsString()));
  EXPECT_TRUE(IsUtf8(rich.message()));
  const google::rpc::ErrorInfo info = InfoOf(rich);
  EXPECT_TRUE(IsUtf8(info.metadata().at("sync_id")));
  EXPECT_EQ(info.metadata().at("sync_id").size(), 511U);
  google::rpc::PreconditionFailure failure;
  ASSERT_TRUE(rich.details(1).UnpackTo(&failure));
  EXPECT_TRUE(IsUtf8(failure.violations(0).subject()));
  EXPECT_TRUE(IsUtf8(failure.violations(0).description()));
}

TEST(StatusConversionTest, BytesThatAreNoTextAreReplaced) {
  const google::rpc::Status rich = ToRich(MakeError(
      absl::StatusCode::kNotFound, "no \xff\xfe",
      {.reason = "R", .metadata = {{"k\xff", "v\xff"}}, .violations = {{"\xc3", "\xc3"}}}));
  EXPECT_EQ(rich.message(), "no \uFFFD\uFFFD");
  EXPECT_EQ(InfoOf(rich).metadata().at("k\uFFFD"), "v\uFFFD");
}

TEST(StatusConversionTest, DetailsAreSmallerThanFourKiBWhateverTheyHold) {
  ErrorDetail detail;
  detail.reason = "R";
  detail.subject = std::string(10'000, 's');
  detail.retry_after = absl::Seconds(1);
  for (int i = 0; i < 100; ++i) {
    detail.metadata.emplace_back(absl::StrCat("key", i, std::string(1000, 'k')),
                                 std::string(1000, 'v'));
    detail.violations.push_back({std::string(1000, 'f'), std::string(1000, 'd')});
  }
  detail.metadata.emplace_back("durable_offset", "7");
  for (const auto code :
       {absl::StatusCode::kFailedPrecondition, absl::StatusCode::kInvalidArgument}) {
    const absl::Status status = MakeError(code, std::string(100'000, 'm'), detail);
    const grpc::Status converted = ToGrpc(status);
    EXPECT_LT(converted.error_details().size(), kMaxDetailBytes);
    google::rpc::Status read;
    ASSERT_TRUE(read.ParseFromString(converted.error_details()));
    EXPECT_EQ(InfoOf(read).reason(), "R");
    EXPECT_EQ(InfoOf(read).metadata().at("durable_offset"), "7") << "it fits";
    google::rpc::RetryInfo retry;
    EXPECT_TRUE(read.details(1).UnpackTo(&retry));
  }
}

}  // namespace
}  // namespace syncline::rpc

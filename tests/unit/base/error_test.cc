#include "base/error.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/time/time.h"
#include "base/status_macros.h"

namespace syncline {
namespace {

ErrorDetail FullDetail() {
  ErrorDetail detail;
  detail.reason = "TABLE_OWNED";
  detail.metadata = {{"owner", "nightly"}, {"empty", ""}, {"", "no key"}, {"digits", "3:abc"}};
  detail.violations = {{"streams[0].name", "must not be empty"}, {"", ""}};
  detail.subject = std::string("public.\0\xff users", 15);
  detail.retry_after = absl::Milliseconds(1500);
  return detail;
}

void ExpectEqual(const ErrorDetail& a, const ErrorDetail& b) {
  EXPECT_EQ(a.reason, b.reason);
  EXPECT_EQ(a.metadata, b.metadata);
  EXPECT_EQ(a.subject, b.subject);
  EXPECT_EQ(a.retry_after, b.retry_after);
  ASSERT_EQ(a.violations.size(), b.violations.size());
  for (size_t i = 0; i < a.violations.size(); ++i) {
    EXPECT_EQ(a.violations[i].field, b.violations[i].field);
    EXPECT_EQ(a.violations[i].description, b.violations[i].description);
  }
}

TEST(ErrorTest, DetailRoundTrips) {
  const absl::Status status =
      MakeError(absl::StatusCode::kFailedPrecondition, "not yours", FullDetail());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "not yours");
  ExpectEqual(GetDetail(status), FullDetail());
  EXPECT_EQ(GetReason(status), "TABLE_OWNED");
}

TEST(ErrorTest, EmptyDetailRoundTrips) {
  const absl::Status status = MakeError(absl::StatusCode::kAborted, "", ErrorDetail{});
  ExpectEqual(GetDetail(status), ErrorDetail{});
}

TEST(ErrorTest, ViolationsWithoutMetadata) {
  ErrorDetail detail;
  detail.violations = {{"a", "b"}, {"c", std::string("\0", 1)}};
  ExpectEqual(GetDetail(MakeError(absl::StatusCode::kInvalidArgument, "x", detail)), detail);
}

TEST(ErrorTest, EveryByteRoundTrips) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  ErrorDetail detail;
  detail.reason = bytes;
  detail.metadata = {{bytes, bytes + bytes}};
  // Texts for people are made UTF-8; these are already.
  const std::string text = bytes.substr(0, 128);
  detail.violations = {{text, text}};
  ExpectEqual(GetDetail(MakeError(absl::StatusCode::kInternal, "x", detail)), detail);
}

TEST(ErrorTest, StatusWithoutDetailHasAnEmptyOne) {
  ExpectEqual(GetDetail(absl::NotFoundError("x")), ErrorDetail{});
  ExpectEqual(GetDetail(absl::OkStatus()), ErrorDetail{});
  EXPECT_EQ(GetReason(absl::NotFoundError("x")), "");
}

TEST(ErrorTest, WithMetadataKeepsTheRest) {
  const absl::Status status = WithMetadata(
      MakeError(absl::StatusCode::kAborted, "busy", FullDetail()), "expected_offset", "7");
  ErrorDetail expected = FullDetail();
  expected.metadata.emplace_back("expected_offset", "7");
  ExpectEqual(GetDetail(status), expected);
  EXPECT_EQ(status.message(), "busy");
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
}

TEST(ErrorTest, WithContextKeepsTheDetail) {
  const absl::Status status =
      WithContext(MakeError(absl::StatusCode::kAborted, "busy", FullDetail()), "stream users");
  EXPECT_EQ(status.message(), "stream users: busy");
  ExpectEqual(GetDetail(status), FullDetail());
}

TEST(ErrorTest, OkStaysOk) {
  EXPECT_TRUE(WithContext(absl::OkStatus(), "x").ok());
  EXPECT_TRUE(WithMetadata(absl::OkStatus(), "k", "v").ok());
}

TEST(ErrorTest, Retryable) {
  ErrorDetail retry;
  retry.retry_after = absl::ZeroDuration();
  EXPECT_TRUE(IsRetryable(MakeError(absl::StatusCode::kAborted, "x", retry)));
  EXPECT_TRUE(IsRetryable(absl::UnavailableError("x")));
  EXPECT_FALSE(IsRetryable(absl::AbortedError("x")));
  EXPECT_FALSE(IsRetryable(MakeError(absl::StatusCode::kAborted, "x", ErrorDetail{})));
  EXPECT_FALSE(IsRetryable(absl::OkStatus()));
}

absl::StatusOr<std::string> Greeting(bool fails) {
  if (fails) return MakeError(absl::StatusCode::kNotFound, "nobody", {FullDetail()});
  return std::string("hello");
}

absl::Status Greet(bool fails, std::string* out) {
  SYNCLINE_ASSIGN_OR_RETURN(*out, Greeting(fails));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string again, Greeting(fails));
  SYNCLINE_RETURN_IF_ERROR(again.empty() ? absl::InternalError("empty") : absl::OkStatus());
  *out += again;
  return absl::OkStatus();
}

TEST(StatusMacrosTest, PassValuesAndReturnErrorsWithDetail) {
  std::string out;
  EXPECT_TRUE(Greet(false, &out).ok());
  EXPECT_EQ(out, "hellohello");
  const absl::Status status = Greet(true, &out);
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(GetReason(status), "TABLE_OWNED");
}

// A caller can make a request with any number of faults of any length.
TEST(ErrorTest, KeepsAFewViolationsOfLimitedLength) {
  ErrorDetail detail;
  detail.reason = "A";
  for (int i = 0; i < 1000; ++i) {
    detail.violations.push_back({std::string(10'000, 'f'), "\xff" + std::string(10'000, 'd')});
  }
  const absl::Status status = MakeError(absl::StatusCode::kInvalidArgument, "m", detail);
  const ErrorDetail kept = GetDetail(status);
  ASSERT_EQ(kept.violations.size(), 20U);
  EXPECT_EQ(kept.violations[0].field, std::string(512, 'f'));
  EXPECT_EQ(kept.violations[0].description, "\uFFFD" + std::string(509, 'd'));
}

}  // namespace
}  // namespace syncline

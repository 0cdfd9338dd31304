// What is printed while a server cannot be reached, how long that is tried, and the progress of a
// run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/reasons.h"
#include "client/call_error.h"
#include "client/load_flags.h"
#include "client/outage_notice.h"
#include "client/progress.h"
#include "client/retry.h"

namespace syncline::client {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

absl::Status ServerAway() { return absl::UnavailableError("connection refused"); }

absl::Status DatabaseError(const char* reason) {
  return MakeError(absl::StatusCode::kUnavailable, "the database is away", {.reason = reason});
}

class OutageTest : public testing::Test {
 protected:
  OutageTest() : notice_("db7:50051") {
    notice_.SetPrint([this](absl::string_view words) { printed_.emplace_back(words); },
                     Frontend::kCommandLine);
  }

  OutageNotice notice_;
  std::vector<std::string> printed_;
};

TEST_F(OutageTest, PrintsOncePerOutage) {
  const absl::Time until = absl::Now() + absl::Minutes(5);
  notice_.Failed(ServerAway(), until);
  notice_.Failed(ServerAway(), until);
  ASSERT_EQ(printed_.size(), 1u);
  EXPECT_THAT(printed_[0],
              AllOf(HasSubstr("cannot reach the server at db7:50051"),
                    HasSubstr("trying again until " +
                              absl::FormatTime("%H:%M:%S", until, absl::LocalTimeZone()))));
  notice_.Succeeded();
  notice_.Succeeded();
  ASSERT_EQ(printed_.size(), 2u);
  EXPECT_THAT(printed_[1], HasSubstr("continuing after"));
  notice_.Failed(DatabaseError(reason::kDbUnreachable), until);
  ASSERT_EQ(printed_.size(), 3u);
  EXPECT_THAT(printed_[2], HasSubstr("DB_UNREACHABLE"));
}

TEST_F(OutageTest, OtherErrorsAreNoOutage) {
  notice_.Failed(absl::AbortedError("conflict"), absl::Now());
  notice_.Succeeded();
  EXPECT_THAT(printed_, IsEmpty());
}

TEST_F(OutageTest, GivesUpEarlyBeforeTheFirstContact) {
  const absl::Time began = absl::Now();
  const absl::Time until = began + absl::Minutes(5);
  EXPECT_EQ(notice_.LimitRetries(ServerAway(), began, until), began + absl::Seconds(8));
  EXPECT_EQ(notice_.LimitRetries(DatabaseError(reason::kDbUnreachable), began, until),
            began + absl::Seconds(8));
  // A database that starts was reached.
  EXPECT_EQ(notice_.LimitRetries(DatabaseError(reason::kDbStarting), began, until), until);
  notice_.SetFirstContactLimit(absl::InfiniteDuration());
  EXPECT_EQ(notice_.LimitRetries(ServerAway(), began, until), until);
  notice_.SetFirstContactLimit(absl::ZeroDuration());
  notice_.Succeeded();
  EXPECT_EQ(notice_.LimitRetries(ServerAway(), began, until), until);
}

TEST_F(OutageTest, RetryPrintsTheOutage) {
  Retry retry(&notice_, absl::Minutes(5));
  EXPECT_TRUE(retry.WaitAfter(ServerAway()).ok());
  EXPECT_EQ(printed_.size(), 1u);
  notice_.SetFirstContactLimit(absl::ZeroDuration());
  EXPECT_TRUE(absl::IsUnavailable(retry.WaitAfter(ServerAway())));
}

TEST_F(OutageTest, FencedIsFinalOnceTheWriterIsOpen) {
  const absl::Status fenced =
      MakeError(absl::StatusCode::kAborted, "fenced", {.reason = reason::kFenced});
  Retry retry(&notice_, absl::Minutes(5));
  EXPECT_TRUE(retry.WaitAfter(ServerAway()).ok());
  EXPECT_EQ(retry.WaitAfter(fenced, /*opened=*/true), fenced);
  retry.Reset();
  EXPECT_TRUE(retry.WaitAfter(ServerAway()).ok());
  EXPECT_TRUE(retry.WaitAfter(fenced).ok());
  EXPECT_EQ(retry.WaitAfter(fenced), fenced);
  retry.Reset();
  EXPECT_TRUE(retry.WaitAfter(ServerAway(), /*opened=*/true).ok());
  EXPECT_EQ(retry.WaitAfter(fenced), fenced);
}

TEST(ProgressTest, ShowsShareRateAndTimeLeft) {
  const ProgressFigures first = {.rows = 0, .bytes = 1'000'000, .total_bytes = 10'000'000};
  const ProgressFigures now = {.rows = 40'000, .bytes = 5'500'000, .total_bytes = 10'000'000};
  EXPECT_EQ(FormatProgress(now, first, absl::Seconds(10)),
            "40.0k rows, 55% of 10.0MB, 4.0k rows/s, 10 s left");
  EXPECT_EQ(FormatProgress(now, first, absl::Seconds(1)), "40.0k rows, 55% of 10.0MB");
  ProgressFigures unknown = now;
  unknown.total_bytes = 0;
  EXPECT_EQ(FormatProgress(unknown, first, absl::Seconds(10)), "40.0k rows, 5.5MB, 4.0k rows/s");
}

TEST(ProgressTest, ReportsOncePerMinute) {
  std::vector<std::string> reports;
  const absl::Time start = absl::FromUnixSeconds(1'000'000);
  ProgressLine line(
      false, [&](absl::string_view words) { reports.emplace_back(words); }, start);
  for (int second = 0; second <= 150; ++second) {
    line.Update({.rows = second * 1000, .bytes = second}, start + absl::Seconds(second));
  }
  EXPECT_THAT(reports, ElementsAre(HasSubstr("60.0k rows"), HasSubstr("120.0k rows")));
}

TEST(NameFlagsTest, ErrorsNameTheFlagOfTheField) {
  const absl::Status error =
      MakeError(absl::StatusCode::kInvalidArgument,
                "the request is not valid: streams[0].primary_key[1] is no property (and 1 more)",
                {.reason = reason::kInvalidRequest,
                 .violations = {{"streams[0].primary_key[1]", "is no property"},
                                {"streams[0].guard.min_rows", "must not be negative"}}});
  const std::string sentence = NameFlags(
      "the request is not valid: streams[0].primary_key[1] is no property; "
      "streams[0].guard.min_rows: must not be negative",
      error);
  EXPECT_THAT(sentence, AllOf(HasSubstr("--primary_key is no property"),
                              HasSubstr("--min_rows: must not"), Not(HasSubstr("streams"))));
  EXPECT_EQ(NameFlags("unchanged", absl::AbortedError("x")), "unchanged");
}

}  // namespace
}  // namespace syncline::client

// SIGTERM during several streams, with a second server on the same ledger.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

constexpr int kStreams = 4;
constexpr int kRecords = 1000;

std::string GetDurableOffset(const absl::Status& status) {
  for (const auto& [key, value] : GetDetail(status).metadata) {
    if (key == "durable_offset") return value;
  }
  return "";
}

class DrainTest : public EndToEndTest {
 protected:
  static std::string TableOf(int stream) { return absl::StrCat("rows", stream); }

  // Returns the number of streams of which `metrics` says that kRecords records were received.
  static int CountFullStreams(const std::string& metrics) {
    int streams = 0;
    for (const absl::string_view line : absl::StrSplit(metrics, '\n')) {
      if (absl::StartsWith(line, "syncline_records_received_total{") &&
          absl::EndsWith(line, absl::StrCat(" ", kRecords))) {
        ++streams;
      }
    }
    return streams;
  }

  v1::StartSyncRequest Request() const {
    v1::StartSyncRequest request = OneStream("drained", TableOf(0));
    for (int i = 1; i < kStreams; ++i) {
      *request.add_streams() = OneStream("drained", TableOf(i)).streams(0);
    }
    return request;
  }
};

TEST_F(DrainTest, StreamsResumeOnTheOtherReplica) {
  const std::unique_ptr<ServerProcess> draining = StartServer({"--flush_interval=1h"});
  const std::unique_ptr<ServerProcess> other = StartServer();
  ASSERT_NE(draining, nullptr);
  ASSERT_NE(other, nullptr);
  const auto client = draining->Client();
  const auto watcher = draining->Client();  // a separate connection
  ASSERT_OK(client->StartSync(Request()));
  std::vector<std::unique_ptr<client::RecordsCall>> calls;
  for (int i = 0; i < kStreams; ++i) {
    calls.push_back(client->StreamRecords());
    ASSERT_TRUE(calls.back()->Write(Header("drained", TableOf(i))));
    ASSERT_TRUE(calls.back()->Write(Batch(0, kRecords)));
  }
  ASSERT_TRUE(Eventually([&] { return CountFullStreams(draining->Metrics()) == kStreams; }));
  // Delays the commits of the first stream, and with them the drain.
  const auto locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(
      locker->Execute(absl::StrCat("LOCK TABLE ", Table(TableOf(0)), " IN ACCESS EXCLUSIVE MODE")));
  const absl::Time signalled = absl::Now();
  draining->Signal(SIGTERM);
  absl::Status health;
  while (health.ok() && absl::Now() - signalled < absl::Seconds(5)) health = watcher->CheckHealth();
  EXPECT_THAT(health, StatusIs(absl::StatusCode::kUnavailable, "NOT_SERVING"));
  EXPECT_LT(absl::Now() - signalled, absl::Seconds(1));
  EXPECT_THAT(watcher->StartSync(OneStream("late", "late")).status(),
              StatusIs(absl::StatusCode::kUnavailable, "DRAINING"));
  absl::SleepFor(absl::Milliseconds(1500));  // at least one interval of the database checks
  EXPECT_THAT(watcher->CheckHealth(), StatusIs(absl::StatusCode::kUnavailable, "NOT_SERVING"));
  ASSERT_OK(locker->Commit());
  for (const auto& call : calls) {
    const absl::Status ended = call->Finish().status();
    EXPECT_THAT(ended, StatusIs(absl::StatusCode::kUnavailable, "DRAINING"));
    EXPECT_EQ(GetDurableOffset(ended), absl::StrCat(kRecords));
    EXPECT_TRUE(GetDetail(ended).retry_after.has_value());
  }
  EXPECT_EQ(draining->Wait(absl::Seconds(25)), 0);
  const auto next = other->Client();
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse again, next->StartSync(Request()));
  for (int i = 0; i < kStreams; ++i) {
    ASSERT_EQ(again.streams(i).writers(0).durable_offset(), kRecords);
    ASSERT_OK(Send(*next, "drained", TableOf(i), kRecords, 2 * kRecords));
    ASSERT_OK(next->CompleteStream(Completion("drained", TableOf(i))));
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table(TableOf(i)),
                                    " WHERE id BETWEEN 0 AND ", 2 * kRecords - 1)),
              2 * kRecords);
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(TableOf(i)))), 2 * kRecords);
  }
}

}  // namespace
}  // namespace syncline::testing

// Limits of what callers may do: calls that are silent, calls at the same time, and ids of any
// length.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/thread.h"
#include "syncline/v1/sync_service.grpc.pb.h"
#include "tests/support/append_requests.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::AnyOf;
using ::testing::HasSubstr;

std::string GetMetadata(const absl::Status& status, absl::string_view name) {
  for (const auto& [key, value] : GetDetail(status).metadata) {
    if (key == name) return value;
  }
  return "";
}

class LimitsTest : public EndToEndTest {
 protected:
  static bool HasMetric(const ServerProcess& server, absl::string_view name, int64_t value) {
    return absl::StrContains(server.Metrics(), absl::StrCat("\n", name, " ", value, "\n"));
  }
  // Returns a session with a transaction that locks the table "rows".
  auto LockRows() {
    auto locker = Connect();
    EXPECT_OK(locker->Begin());
    EXPECT_OK(locker->Execute(absl::StrCat("LOCK TABLE ", Table("rows"))));
    return locker;
  }
  // Returns the value of a metric without labels, or -1 if there is none.
  static double ReadMetric(const ServerProcess& server, absl::string_view name) {
    for (absl::string_view line : absl::StrSplit(server.Metrics(), '\n')) {
      double value = 0;
      if (absl::ConsumePrefix(&line, absl::StrCat(name, " ")) && absl::SimpleAtod(line, &value)) {
        return value;
      }
    }
    return -1;
  }
  static size_t LongestLogLine(const ServerProcess& server) {
    size_t longest = 0;
    for (const absl::string_view line : absl::StrSplit(server.Log(), '\n')) {
      longest = std::max(longest, line.size());
    }
    return longest;
  }
};

TEST_F(LimitsTest, SilentCallsTakeNoPlaceAndEnd) {
  const auto server = StartServer({"--max_open_streams=2"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  std::vector<std::unique_ptr<client::RecordsCall>> silent;
  for (int i = 0; i < 8; ++i) silent.push_back(client->StreamRecords());
  EXPECT_OK(Send(*client, "s", "rows", 0, 10));
  EXPECT_TRUE(Eventually([&] { return HasMetric(*server, "syncline_open_streams", 0); }));
  // A half-close of a call that the server has not ended yet would be an EMPTY_STREAM.
  EXPECT_TRUE(Eventually([&] {
    const std::vector<std::string> parts = absl::StrSplit(server->Log(), "reason=NO_HEADER");
    return parts.size() == 1 + silent.size();
  }));
  for (const auto& call : silent) {
    EXPECT_THAT(call->Finish().status(), StatusIs(StatusCode::kDeadlineExceeded, "NO_HEADER"));
  }
}

TEST_F(LimitsTest, DrainEndsCallsThatHoldNothing) {
  const auto server = StartServer({"--drain_deadline=20s"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  ASSERT_OK(Send(*client, "s", "rows", 0, 10));
  ASSERT_OK(client->CompleteStream(Completion("s", "rows")));
  const auto silent = client->StreamRecords();
  const auto repeated = client->StreamRecords();
  ASSERT_TRUE(repeated->Write(Header("s", "rows")));
  EXPECT_TRUE(Eventually([&] { return HasMetric(*server, "syncline_open_streams", 1); }));
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(absl::Seconds(5)), 0);
  EXPECT_THAT(silent->Finish().status(), StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_THAT(repeated->Finish().status(), StatusIs(StatusCode::kUnavailable, "DRAINING"));
}

TEST_F(LimitsTest, IdleCallsCommitAndEnd) {
  const auto server = StartServer({"--idle_timeout=1s", "--flush_interval=1h"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  const auto call = client->StreamRecords();
  ASSERT_TRUE(call->Write(Header("s", "rows")));
  ASSERT_TRUE(call->Write(Batch(0, 10)));
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(server->Log(), "IDLE_CALL"); }));
  const absl::Status ended = call->Finish().status();
  EXPECT_THAT(ended, StatusIs(StatusCode::kDeadlineExceeded, "IDLE_CALL"));
  EXPECT_EQ(GetMetadata(ended, "durable_offset"), "10");
  EXPECT_TRUE(GetDetail(ended).retry_after.has_value());
  EXPECT_OK(Send(*client, "s", "rows", 10, 20));
}

// The message has arrived and waits for memory, which a locked table holds. No read is outstanding
// that would report that the caller is gone.
TEST_F(LimitsTest, CallWhoseCallerIsGoneDoesNotWaitForMemory) {
  const auto server = StartServer({"--memory_budget_bytes=16MiB", "--flush_interval=1h"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  ASSERT_OK(client->StartSync(OneStream("other", "others")));
  const auto locker = LockRows();
  const auto holder = client->StreamRecords();
  ASSERT_TRUE(holder->Write(Header("s", "rows")));
  ASSERT_TRUE(holder->Write(Batch(0, 10'000)));
  ASSERT_TRUE(Eventually([&] { return !HasMetric(*server, "syncline_buffered_bytes", 0); }));
  const auto stub = v1::SyncService::NewStub(
      grpc::CreateChannel(server->address(), grpc::InsecureChannelCredentials()));
  v1::StreamRecordsRequest large;
  large.mutable_batch()->set_jsonl(std::string((16 << 20) - (64 << 10), '\n'));
  grpc::ClientContext context;
  v1::StreamRecordsResponse response;
  const auto waiting = stub->StreamRecords(&context, &response);
  ASSERT_TRUE(waiting->Write(large));
  absl::SleepFor(absl::Milliseconds(500));  // until it has arrived
  context.TryCancel();
  waiting->Finish();
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(server->Log(), "CALLER_GONE"); }));
  EXPECT_OK(Send(*client, "other", "others", 0, 10)) << "it waits behind the message";
  ASSERT_OK(locker->Commit());
  EXPECT_OK(holder->Finish());
}

// The rows of a message are made before the message's memory is freed.
TEST_F(LimitsTest, LargeMessageCountsTogetherWithItsRows) {
  const auto server = StartServer({"--memory_budget_bytes=32MiB"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  v1::StreamRecordsRequest large;
  std::string* const lines = large.mutable_batch()->mutable_jsonl();
  int64_t records = 0;
  for (; lines->size() < 10'000'000; ++records) {
    absl::StrAppend(lines, "{\"id\":", records, ",\"name\":\"", std::string(1000, 'n'), "\"}\n");
  }
  const auto call = client->StreamRecords();
  ASSERT_TRUE(call->Write(Header("s", "rows")));
  ASSERT_TRUE(call->Write(large));
  const auto answer = call->Finish();
  ASSERT_OK(answer);
  EXPECT_EQ(answer->durable_offset(), records);
  EXPECT_GE(ReadMetric(*server, "syncline_buffered_high_water_bytes"), 20e6);
  EXPECT_TRUE(Eventually([&] { return HasMetric(*server, "syncline_buffered_bytes", 0); }));
}

TEST_F(LimitsTest, LargestMessageDoesNotWaitForAFewRowsOfALockedTable) {
  const auto server = StartServer({"--memory_budget_bytes=32MiB"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  ASSERT_OK(client->StartSync(OneStream("other", "others")));
  const auto locker = LockRows();
  const auto locked = client->StreamRecords();
  ASSERT_TRUE(locked->Write(Header("s", "rows")));
  ASSERT_TRUE(locked->Write(Batch(0, 100)));
  ASSERT_TRUE(Eventually([&] { return !HasMetric(*server, "syncline_buffered_bytes", 0); }));
  const auto call = client->StreamRecords();
  ASSERT_TRUE(call->Write(Header("other", "others")));
  v1::StreamRecordsRequest largest;
  largest.mutable_batch()->set_jsonl(std::string((16 << 20) - (4 << 10), ' '));
  const absl::Time begun = absl::Now();
  ASSERT_TRUE(call->Write(largest));
  EXPECT_OK(call->Finish());
  EXPECT_LT(absl::Now() - begun, absl::Seconds(8)) << "calls that are locked fail after 10 s";
  ASSERT_OK(locker->Commit());
  EXPECT_OK(locked->Finish());
}

TEST_F(LimitsTest, CallsInProgressAreLimited) {
  const auto server = StartServer({"--max_calls=2"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "rows")));
  const auto locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("LOCK TABLE ", LedgerTable("sync"))));
  {
    std::vector<std::unique_ptr<Thread>> callers;
    for (int i = 0; i < 2; ++i) {
      callers.push_back(
          std::make_unique<Thread>("caller", [&] { EXPECT_OK(server->Client()->GetSync("s")); }));
    }
    // A call before that could take the place of one of them.
    const std::string waiting = absl::StrCat("SELECT count(*) FROM pg_locks WHERE NOT granted AND ",
                                             "relation = '", LedgerTable("sync"), "'::regclass");
    EXPECT_TRUE(Eventually([&] { return QueryInt(waiting) >= 2; }));
    const absl::Status refused = server->Client()->ListRejectedRecords({}).status();
    EXPECT_THAT(refused, StatusIs(StatusCode::kResourceExhausted, "TOO_MANY_CALLS"));
    EXPECT_TRUE(GetDetail(refused).retry_after.has_value());
    EXPECT_TRUE(HasMetric(*server, "syncline_calls_refused_total{reason=\"TOO_MANY_CALLS\"}", 1));
    ASSERT_OK(locker->Commit());
  }
  EXPECT_OK(client->GetSync("s"));
}

TEST_F(LimitsTest, IdsAreCheckedInEveryCall) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  for (const std::string& id :
       {std::string(10 << 20, 'i'), std::string("a\0b", 3), std::string()}) {
    v1::CompleteStreamRequest complete = Completion("s", "rows");
    complete.set_sync_id(id);
    v1::ListRejectedRecordsRequest rejected;
    rejected.set_sync_id(id);
    const auto records = client->StreamRecords();
    records->Write(Header(id, "rows"));
    const auto appended = client->AppendRecords([](const v1::AppendRecordsResponse&) {});
    appended->Write(ToAppend(Header(id, "rows")));
    for (const absl::Status& status :
         {client->GetSync(id).status(), client->CancelSync(id).status(),
          client->CompleteStream(complete).status(), client->ListRejectedRecords(rejected).status(),
          client->WatchSync(id, 0)->Finish(), records->Finish().status(),
          appended->Finish().status()}) {
      EXPECT_THAT(status, StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
      ASSERT_EQ(GetDetail(status).violations.size(), 1U) << status;
      // WatchSync refuses a large request before it is parsed.
      EXPECT_THAT(GetDetail(status).violations[0].field, AnyOf(HasSubstr("sync_id"), "message"));
    }
  }
  v1::CompleteStreamRequest complete = Completion("s", std::string(2000, 'n'));
  EXPECT_EQ(GetDetail(client->CompleteStream(complete).status()).violations[0].field,
            "descriptor.name");
  EXPECT_LT(LongestLogLine(*server), 4U << 10);
}

TEST_F(LimitsTest, RepeatedErrorsAreLoggedAFewTimes) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(client->GetSync("unknown").status(),
                StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  }
  const std::vector<std::string> parts = absl::StrSplit(server->Log(), "reason=UNKNOWN_SYNC");
  EXPECT_LE(parts.size(), 31U) << "10 lines per 10 s";
  EXPECT_GE(parts.size(), 2U);
}

TEST_F(LimitsTest, PageTokensAreNumbersOfSyncs) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  for (const char* const token : {"-1", "0", "x", "99999999999999999999"}) {
    v1::ListSyncsRequest request;
    request.set_page_token(token);
    EXPECT_THAT(client->ListSyncs(request).status(),
                StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"))
        << token;
  }
}

}  // namespace
}  // namespace syncline::testing

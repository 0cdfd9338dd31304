// A running database in which another session's lock blocks our statements: the server can still be
// drained, and a killed server leaves no statement running.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/thread.h"
#include "tests/e2e/blocked_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(BlockedDatabaseTest, DrainEndsDespiteALock) {
  const auto server = StartServer({"--drain_deadline=2s"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("blocked", "rows")));
  ASSERT_OK(Send(*client, "blocked", "rows", 0, 100));
  const auto locker = Lock("rows");
  const auto call = client->StreamRecords();
  ASSERT_TRUE(call->Write(Header("blocked", "rows")));
  ASSERT_TRUE(call->Write(Batch(100, 200)));
  ASSERT_TRUE(call->Write(CheckpointOf("blocked", "state")));
  ASSERT_TRUE(Eventually([&] { return WaitingForTheLock() == 1; }));
  server->Signal(SIGTERM);
  EXPECT_THAT(call->Finish(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(server->Wait(absl::Seconds(20)), 0);
  // Nothing remains running, and nothing was lost or written.
  ASSERT_TRUE(Eventually([&] { return WaitingForTheLock() == 0; }));
  ASSERT_OK(locker->Commit());
  ASSERT_OK(server->Restart());
  const auto again = server->Client();
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent,
                       Send(*again, "blocked", "rows", 100, 200));
  EXPECT_EQ(sent.records_written(), 100);
  EXPECT_OK(again->CompleteStream(Completion("blocked", "rows")));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 200);
}

TEST_F(BlockedDatabaseTest, MergeOfAKilledServerEnds) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  auto request = OneStream("killed", "rows");
  request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
  request.mutable_streams(0)->add_primary_key()->add_path("id");
  Execute(absl::StrCat(
      "CREATE TABLE ", Table("rows"),
      " (_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz NOT NULL, "
      "_airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT NULL, id bigint, "
      "name varchar)"));
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(request));
  ASSERT_OK(Send(*client, "killed", "rows", 0, 100));
  const auto locker = Lock("rows");
  auto completion = std::make_unique<Thread>(
      "completion", [&] { client->CompleteStream(Completion("killed", "rows")).IgnoreError(); });
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() == 1; }));
  server->Kill9();
  completion.reset();
  // The lock is still held, so it did not end the merge.
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() == 0; }));
  ASSERT_OK(locker->Commit());
  ASSERT_OK(server->Restart());
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed,
                       server->Client()->CompleteStream(Completion("killed", "rows")));
  EXPECT_EQ(completed.rows(), 100);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 100);
}

// The sync of the locked table also has a new stream. What it holds while it waits must not block
// other syncs.
TEST_F(BlockedDatabaseTest, StartsOfALockedTableDoNotBlockOthers) {
  const auto server = StartServer({"--drain_deadline=2s"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("before", "rows")));
  const auto locker = Lock("rows");
  ASSERT_OK(locker->Execute("SET idle_in_transaction_session_timeout = 0"));
  constexpr int kStarts = 12;  // more than the control connections
  std::vector<std::future<absl::Status>> starts;
  for (int i = 0; i < kStarts; ++i) {
    starts.push_back(std::async(std::launch::async, [&, i] {
      return server->Client()->StartSync(OneStream(absl::StrCat("locked", i), "rows")).status();
    }));
  }
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() >= 1; }));
  absl::SleepFor(absl::Seconds(1));  // all of them are waiting
  auto others = std::async(std::launch::async, [&] {
    EXPECT_OK(client->ListSyncs({}));
    EXPECT_OK(client->GetSync("before"));
    EXPECT_OK(client->StartSync(OneStream("other", "others")));
    EXPECT_OK(client->CancelSync("other"));
  });
  EXPECT_EQ(others.wait_for(std::chrono::seconds(20)), std::future_status::ready);
  // Calls that wait for a lock do not delay the shutdown either.
  server->Signal(SIGTERM);
  EXPECT_EQ(server->Wait(absl::Seconds(20)), 0);
  for (std::future<absl::Status>& start : starts) EXPECT_FALSE(start.get().ok());
  others.wait();
  ASSERT_OK(locker->Commit());
}

TEST_F(BlockedDatabaseTest, LockedTableDelaysOnlyItsSync) {
  const auto server = StartServer({"--swap_deadline=2s"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("before", "rows")));
  const auto locker = Lock("rows");
  ASSERT_OK(locker->Execute("SET application_name = 'a console'"));
  auto request = OneStream("locked", "rows");
  *request.add_streams() = OneStream("", "new").streams(0);
  auto locked = std::async(std::launch::async, [&] { return client->StartSync(request).status(); });
  EXPECT_TRUE(Eventually([&] { return WaitingForTheLock() == 1; }));
  auto other = std::async(std::launch::async,
                          [&] { return client->StartSync(OneStream("other", "others")).status(); });
  EXPECT_EQ(other.wait_for(std::chrono::milliseconds(1500)), std::future_status::ready);
  EXPECT_EQ(locked.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  ASSERT_OK(locker->Commit());
  EXPECT_OK(other.get());
  const absl::Status answer = locked.get();
  ASSERT_THAT(answer, StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  EXPECT_TRUE(GetDetail(answer).retry_after.has_value());
  EXPECT_THAT(std::string(answer.message()),
              AllOf(HasSubstr("rows: pid "), HasSubstr("(a console), transaction open for "),
                    HasSubstr("last statement started at ")));
  EXPECT_OK(client->StartSync(request));
}

// Evolving a table needs an exclusive lock. The wait for a long-running reader is limited.
TEST_F(BlockedDatabaseTest, ReaderDelaysTheSyncThatChangesItsTable) {
  const auto server = StartServer({"--swap_deadline=1s"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("before", "rows")));
  const auto reader = Connect();
  ASSERT_OK(reader->Execute("SET application_name = 'a report'"));
  ASSERT_OK(reader->Begin());
  ASSERT_OK(reader->Execute(absl::StrCat("LOCK TABLE ", Table("rows"), " IN ACCESS SHARE MODE")));
  auto request = OneStream("wider", "rows");
  request.mutable_streams(0)->set_json_schema(R"({"properties":{"more":{"type":"string"}}})");
  auto wider = std::async(std::launch::async, [&] { return client->StartSync(request).status(); });
  EXPECT_EQ(wider.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  ASSERT_OK(reader->Commit());
  const absl::Status answer = wider.get();
  ASSERT_THAT(answer, StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  EXPECT_THAT(std::string(answer.message()), HasSubstr("(a report)"));
  // The same call again continues the start.
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, client->StartSync(request));
  EXPECT_TRUE(started.resumed());
  EXPECT_OK(Send(*client, "wider", "rows", 0, 1));
}

}  // namespace
}  // namespace syncline::testing

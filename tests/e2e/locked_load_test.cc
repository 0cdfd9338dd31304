// Streams into tables that another session locks: they wait without holding a thread, everything
// else goes on, and ending them does not wait either.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::HasSubstr;

using Records = absl::StatusOr<v1::StreamRecordsResponse>;

class LockedLoadTest : public EndToEndTest {
 protected:
  // Starts a server with four load threads and one sync per table, and locks `locked` of the
  // tables.
  void Start(std::vector<std::string> flags, int tables, int locked) {
    flags.insert(flags.end(), {"--load_threads=4", "--lanes_per_stream=2"});
    server_ = StartServer(flags);
    ASSERT_NE(server_, nullptr);
    client_ = server_->Client();
    for (int i = 0; i < tables; ++i) ASSERT_OK(client_->StartSync(OneStream(Name(i), Name(i))));
    ASSERT_OK(client_->StartSync(OneStream("free", "free")));
    locker_ = Connect();
    ASSERT_OK(locker_->Execute("SET idle_in_transaction_session_timeout = 0"));
    ASSERT_OK(locker_->Execute("SET application_name = 'a migration'"));
    ASSERT_OK(locker_->Begin());
    for (int i = 0; i < locked; ++i) {
      ASSERT_OK(locker_->Execute(
          absl::StrCat("LOCK TABLE ", Table(Name(i)), " IN ACCESS EXCLUSIVE MODE")));
    }
  }

  static std::string Name(int table) { return absl::StrCat("t", table); }

  // Opens a call with two batches, of which each lane takes one.
  std::unique_ptr<client::RecordsCall> Open(int table, absl::string_view writer = "") {
    auto call = client_->StreamRecords();
    EXPECT_TRUE(call->Write(Header(Name(table), Name(table), writer)));
    EXPECT_TRUE(call->Write(Batch(0, 100)));
    EXPECT_TRUE(call->Write(Batch(100, 200)));
    return call;
  }

  int64_t CopiesThatWait() {
    return QueryInt(absl::StrCat(
        "SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT granted AND nspname = '",
        schema(), "'"));
  }

  // Sends one record to the free table, and returns how long that took.
  absl::Duration SendOne() {
    const absl::Time begun = absl::Now();
    EXPECT_OK(Send(*client_, "free", "free", sent_, sent_ + 1));
    ++sent_;
    return absl::Now() - begun;
  }

  static bool IsOver(const std::future<Records>& ending, absl::Duration patience) {
    return ending.wait_for(absl::ToChronoMilliseconds(patience)) == std::future_status::ready;
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
  std::unique_ptr<postgres::Connection> locker_;
  int64_t sent_ = 0;
};

TEST_F(LockedLoadTest, OtherTablesGoOn) {
  Start({}, 2, 2);
  std::vector<std::unique_ptr<client::RecordsCall>> calls;
  for (int i = 0; i < 2; ++i) calls.push_back(Open(i));
  ASSERT_TRUE(Eventually([&] { return CopiesThatWait() > 0; }));
  EXPECT_LT(SendOne(), absl::Seconds(5));  // all threads may be in their first attempt
  for (int i = 0; i < 10; ++i) EXPECT_LT(SendOne(), absl::Seconds(2)) << i;
  // A half-close waits, and is answered when the lock is gone.
  std::vector<std::future<Records>> endings;
  for (auto& call : calls) {
    endings.push_back(std::async(std::launch::async, [&call] { return call->Finish(); }));
  }
  for (const auto& ending : endings) EXPECT_FALSE(IsOver(ending, absl::Milliseconds(1500)));
  ASSERT_OK(locker_->Commit());
  for (int i = 0; i < 2; ++i) {
    const Records answer = endings[static_cast<size_t>(i)].get();
    ASSERT_OK(answer);
    EXPECT_EQ(answer->durable_offset(), 200);
    EXPECT_OK(client_->CompleteStream(Completion(Name(i), Name(i))));
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(Name(i)))), 200);
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table(Name(i)))), 200);
  }
}

TEST_F(LockedLoadTest, ManyLockedTablesLeaveThreads) {
  constexpr int kTables = 12;
  Start({}, kTables, kTables);
  std::vector<std::unique_ptr<client::RecordsCall>> calls;
  for (int i = 0; i < kTables; ++i) {
    for (const char* writer : {"a", "b"}) calls.push_back(Open(i, writer));
  }
  absl::SleepFor(absl::Seconds(8));  // every table is known as locked
  for (int i = 0; i < 5; ++i) EXPECT_LT(SendOne(), absl::Seconds(2)) << i;
  ASSERT_OK(locker_->Commit());
  for (auto& call : calls) EXPECT_OK(call->Finish());
}

TEST_F(LockedLoadTest, CancelSyncEndsItsCallsAtOnce) {
  Start({}, 2, 2);
  std::vector<std::unique_ptr<client::RecordsCall>> calls;
  for (int i = 0; i < 2; ++i) calls.push_back(Open(i));
  ASSERT_TRUE(Eventually([&] { return CopiesThatWait() > 0; }));
  const absl::Time begun = absl::Now();
  for (int i = 0; i < 2; ++i) EXPECT_OK(client_->CancelSync(Name(i)));
  for (auto& call : calls) {
    EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  }
  EXPECT_LT(absl::Now() - begun, absl::Seconds(1));
  absl::SleepFor(absl::Milliseconds(1500));
  EXPECT_EQ(CopiesThatWait(), 0);
  EXPECT_LT(SendOne(), absl::Seconds(1));
  ASSERT_OK(locker_->Commit());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(Name(i)))), 0);
  }
}

// An INSERT trigger sleeps, so that only an end of the statement itself ends the COPY.
TEST_F(LockedLoadTest, CallerThatCancelsEndsARunningCopy) {
  Start({}, 1, 0);
  Execute(absl::StrCat("CREATE FUNCTION ", schema(),
                       ".slow() RETURNS trigger LANGUAGE plpgsql AS "
                       "'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'; CREATE TRIGGER slow BEFORE "
                       "INSERT ON ",
                       Table(Name(0)), " FOR EACH ROW EXECUTE FUNCTION ", schema(), ".slow()"));
  const std::string copying = absl::StrCat(
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%COPY \"",
      schema(), "\".\"t0\"%' AND pid <> pg_backend_pid()");
  auto call = Open(0);
  ASSERT_TRUE(Eventually([&] { return QueryInt(copying) > 0; }));
  const absl::Time begun = absl::Now();
  call.reset();
  EXPECT_TRUE(Eventually(
      [&] { return absl::StrContains(server_->Metrics(), "syncline_open_streams 0\n"); }));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(1));
  EXPECT_TRUE(Eventually([&] { return QueryInt(copying) == 0; }));
  EXPECT_LT(absl::Now() - begun, absl::Seconds(5));
  EXPECT_LT(SendOne(), absl::Seconds(1));
}

// The COPYs of one table last for long, and its writers have more lanes than there are threads.
TEST_F(LockedLoadTest, SlowTableLeavesAThread) {
  Start({}, 1, 0);
  Execute(absl::StrCat("CREATE FUNCTION ", schema(),
                       ".slow() RETURNS trigger LANGUAGE plpgsql AS "
                       "'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'; CREATE TRIGGER slow BEFORE "
                       "INSERT ON ",
                       Table(Name(0)), " FOR EACH STATEMENT EXECUTE FUNCTION ", schema(),
                       ".slow()"));
  std::vector<std::unique_ptr<client::RecordsCall>> calls;
  for (const char* writer : {"a", "b", "c", "d", "e", "f"}) calls.push_back(Open(0, writer));
  const std::string copying = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
  ASSERT_TRUE(Eventually([&] { return QueryInt(copying) >= 3; }));
  EXPECT_LT(SendOne(), absl::Seconds(1));
  for (auto& call : calls) EXPECT_OK(call->Finish());
}

TEST_F(LockedLoadTest, DrainEndsParkedCallsAtItsDeadline) {
  Start({"--drain_deadline=4s"}, 1, 1);
  auto call = Open(0);
  ASSERT_TRUE(Eventually([&] { return CopiesThatWait() > 0; }));
  absl::SleepFor(absl::Seconds(1));
  server_->Signal(SIGTERM);
  const Records answer = call->Finish();
  EXPECT_THAT(answer, StatusIs(StatusCode::kUnavailable, "DRAINING"));
  std::string durable;
  for (const auto& [key, value] : GetDetail(answer.status()).metadata) {
    if (key == "durable_offset") durable = value;
  }
  EXPECT_EQ(durable, "0");
  EXPECT_EQ(server_->Wait(absl::Seconds(20)), 0);
  ASSERT_OK(locker_->Commit());
}

// Records of locked tables fill the budget. After a while those that wait for longest give way.
TEST_F(LockedLoadTest, LockedTablesDoNotKeepAllMemory) {
  constexpr int kTables = 4;
  Start({"--memory_budget_bytes=1MiB", "--flush_bytes=256KiB", "--max_message_bytes=512KiB",
         "--max_record_bytes=64KiB"},
        kTables, kTables);
  std::vector<std::future<Records>> calls;
  for (int i = 0; i < kTables; ++i) {
    calls.push_back(std::async(std::launch::async, [&, i]() -> Records {
      const auto call = client_->StreamRecords();
      if (!call->Write(Header(Name(i), Name(i)))) return call->Finish();
      for (int64_t n = 0; n < 20 && call->Write(Batch(n * 5000, n * 5000 + 5000)); ++n) continue;
      return call->Finish();
    }));
  }
  ASSERT_TRUE(Eventually([&] { return CopiesThatWait() > 0; }));
  absl::SleepFor(absl::Seconds(1));
  for (int i = 0; i < 3; ++i) EXPECT_LT(SendOne(), absl::Seconds(20)) << i;
  ASSERT_OK(locker_->Commit());
  int failed = 0;
  for (int i = 0; i < kTables; ++i) {
    const Records answer = calls[static_cast<size_t>(i)].get();
    const int64_t rows = QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(Name(i))));
    if (answer.ok()) {
      EXPECT_EQ(rows, 100'000);
      continue;
    }
    ++failed;
    EXPECT_THAT(answer, StatusIs(StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
    EXPECT_TRUE(GetDetail(answer.status()).retry_after.has_value());
    EXPECT_EQ(rows, 0);
  }
  EXPECT_GE(failed, 1);
}

// A call that fills the budget alone waits for its table as long as it takes.
TEST_F(LockedLoadTest, CallThatWaitsOnlyForItsOwnMemoryIsNotFailed) {
  Start({"--memory_budget_bytes=1MiB", "--flush_bytes=256KiB", "--max_message_bytes=512KiB",
         "--max_record_bytes=64KiB"},
        1, 1);
  std::future<Records> loading = std::async(std::launch::async, [&]() -> Records {
    const auto call = client_->StreamRecords();
    if (!call->Write(Header(Name(0), Name(0)))) return call->Finish();
    for (int64_t n = 0; n < 20 && call->Write(Batch(n * 5000, n * 5000 + 5000)); ++n) continue;
    return call->Finish();
  });
  ASSERT_TRUE(Eventually([&] { return CopiesThatWait() > 0; }));
  EXPECT_FALSE(IsOver(loading, absl::Seconds(13)));
  ASSERT_OK(locker_->Commit());
  EXPECT_OK(loading.get());
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(Name(0)))), 100'000);
}

TEST_F(LockedLoadTest, LogNamesTheBlocker) {
  Start({}, 1, 1);
  auto call = Open(0);
  EXPECT_TRUE(Eventually([&] { return absl::StrContains(server_->Log(), "load_waits_for_lock"); }));
  const std::string log = server_->Log();
  EXPECT_THAT(log, HasSubstr("(a migration), transaction open for "));
  EXPECT_EQ(log.find("load_waits_for_lock"), log.rfind("load_waits_for_lock"));
  ASSERT_OK(locker_->Commit());
  EXPECT_OK(call->Finish());
}

// A completion in progress holds the stream's row. Those who open its writers do not wait for it.
TEST_F(LockedLoadTest, OpenersOfOneStreamLeaveThreads) {
  Start({}, 1, 0);
  const auto completing = Connect();
  ASSERT_OK(completing->Begin());
  ASSERT_OK(completing->Execute(
      absl::StrCat("SELECT FROM ", LedgerTable("stream"), " WHERE name = 't0' FOR UPDATE")));
  std::vector<std::future<Records>> openers;
  for (int i = 0; i < 6; ++i) {
    openers.push_back(std::async(std::launch::async, [&, i] {
      return Send(*client_, Name(0), Name(0), 0, 1, absl::StrCat("w", i));
    }));
  }
  absl::SleepFor(absl::Milliseconds(300));
  EXPECT_LT(SendOne(), absl::Milliseconds(600));
  for (auto& opener : openers) {
    const Records answer = opener.get();
    EXPECT_THAT(answer, StatusIs(StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
    EXPECT_TRUE(GetDetail(answer.status()).retry_after.has_value());
  }
  ASSERT_OK(completing->Commit());
  EXPECT_OK(Send(*client_, Name(0), Name(0), 0, 1, "w0"));
}

}  // namespace
}  // namespace syncline::testing

// A server that is killed, stopped or failed at a failpoint: F1 to F5 and F7 of docs/faults.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/file.h"
#include "base/thread.h"
#include "tests/e2e/fault_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

constexpr int64_t kRecords = 2000;
constexpr int kKilled = 128 + SIGKILL;

class KillTest : public FaultTest {
 protected:
  // Checks that the call returned UNAVAILABLE and that the armed server was killed.
  void ExpectKilledDuring(ServerProcess& server, const absl::Status& answer) {
    EXPECT_THAT(answer, StatusIs(StatusCode::kUnavailable));
    EXPECT_EQ(server.Wait(kPatience), kKilled);
  }
};

struct LoadKill {
  const char* name;
  const char* failpoint;
  bool durable;  // whether the block is durable when the server is killed
};

class KillWhileLoadingTest : public KillTest, public ::testing::WithParamInterface<LoadKill> {};

TEST_P(KillWhileLoadingTest, LosesAndDuplicatesNothing) {
  const auto server = StartFaultServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, kRecords));
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Deliver(*client, &history, 0, 500));
  server->Arm(GetParam().failpoint, FailpointAction::kKill);
  ExpectKilledDuring(*server, Deliver(*client, &history, 500, 1000).status());
  const int64_t durable = GetParam().durable ? 1000 : 500;
  // PostgreSQL rolls back the transaction of the killed server.
  EXPECT_TRUE(Eventually([&] {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE datname = "
                                 "current_database() AND application_name = '",
                                 kFaultApplication, "'")) == 0;
  }));
  EXPECT_EQ(DurableRecords(history.stream().sync_id), durable);
  EXPECT_EQ(CountRows("rows"), durable);

  ASSERT_OK(server->Restart());
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse again,
                       Deliver(*client, &history, 500, 1000));
  EXPECT_EQ(again.records_skipped(), durable - 500);
  EXPECT_EQ(again.records_written(), 1000 - durable);
  Resume(&history, {server->address()});
  ExpectKept({&history});
  ExpectDiscreet(*server);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, KillWhileLoadingTest,
    ::testing::Values(LoadKill{"F1_InTheMiddleOfCopy", failpoint::kCopySent, false},
                      LoadKill{"F1_BeforeAnythingIsParsed", failpoint::kDecode, false},
                      LoadKill{"F2_AfterCopyIsDone", failpoint::kCopied, false},
                      LoadKill{"F2_BeforeCommit", failpoint::kBeforeCommit, false},
                      LoadKill{"F3_AfterCommitBeforeTheAnswer", failpoint::kCommitted, true}),
    [](const auto& point) { return std::string(point.param.name); });

// The ticker that numbers and announces checkpoints has not seen the commit.
TEST_F(KillTest, F3_CheckpointOfKilledServerIsAnnouncedByAnother) {
  const auto killed = StartFaultServer();
  const auto other = StartFaultServer();
  ASSERT_NE(killed, nullptr);
  ASSERT_NE(other, nullptr);
  const auto client = killed->Client();
  const auto watcher = other->Client();
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, kRecords));
  const DeliveryStream& stream = history.stream();
  ASSERT_OK(Start(*client, history));
  const std::unique_ptr<client::WatchCall> watch = watcher->WatchSync(stream.sync_id, 0);
  v1::WatchSyncResponse event;
  ASSERT_TRUE(watch->Read(&event));
  EXPECT_TRUE(event.has_progress());
  killed->Arm(failpoint::kCommitted, FailpointAction::kKill);
  const std::unique_ptr<client::RecordsCall> call = client->StreamRecords();
  history.Sent(10);
  history.SentCheckpoint(10);
  for (const v1::StreamRecordsRequest& request :
       {stream.Header(), stream.Batch(0, 10), stream.Checkpoint(10)}) {
    EXPECT_TRUE(call->Write(request));
  }
  ExpectKilledDuring(*killed, call->Finish().status());
  const absl::Time begin = absl::Now();
  while (!event.has_checkpoint_committed() && watch->Read(&event)) {
  }
  EXPECT_EQ(event.checkpoint_committed().checkpoint_id(), DeliveryStream::CheckpointId(10));
  EXPECT_LT(absl::Now() - begin, absl::Seconds(2));
  watch->Cancel();
  ASSERT_OK(killed->Restart());
  Resume(&history, {killed->address()});
  ExpectKept({&history});
}

// F4: the old table is dropped and the new one has its name, but only inside the transaction.
TEST_F(KillTest, F4_KilledInsideTheSwapKeepsTheOldTable) {
  const auto server = StartFaultServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  DeliveryHistory before(Stream("rows", DeliveryMode::kReplace, 700, 1));
  Resume(&before, {server->address()});
  DeliveryHistory history(Stream("rows", DeliveryMode::kReplace, kRecords, 2));
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Deliver(*client, &history, 0, kRecords));
  server->Arm(failpoint::kSwapped, FailpointAction::kKill);
  ExpectKilledDuring(*server, Complete(*client, &history).status());
  EXPECT_EQ(CountRows("rows"), 700);
  ASSERT_OK(server->Restart());
  EXPECT_EQ(CountRows("rows"), 700) << "the start of a sync publishes nothing";
  Resume(&history, {server->address()});
  ExpectKept({&history});
}

// F5: the swap drops the old table in its own transaction, so nothing is left to drop. Tables that
// are kept on purpose are pruned later.
TEST_F(KillTest, F5_KilledAfterTheSwapKeepsTheNewTable) {
  const auto server = StartFaultServer({"--keep_generations=1"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  for (int64_t generation = 1; generation <= 2; ++generation) {
    DeliveryHistory before(Stream("rows", DeliveryMode::kReplace, 100 * generation, generation));
    Resume(&before, {server->address()});
  }
  DeliveryHistory history(Stream("rows", DeliveryMode::kReplace, kRecords, 3));
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Deliver(*client, &history, 0, kRecords));
  server->Arm(failpoint::kSwapCommitted, FailpointAction::kKill);
  ExpectKilledDuring(*server, Complete(*client, &history).status());
  EXPECT_EQ(CountRows("rows"), kRecords);
  ASSERT_OK(server->Restart());
  // Repeating the call returns the result of the completion.
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed, Complete(*client, &history));
  EXPECT_EQ(completed.rows(), kRecords);
  ExpectKept({&history});
  // The next replace drops the table that this one could not drop.
  DeliveryHistory next(Stream("rows", DeliveryMode::kReplace, 50, 4));
  Resume(&next, {server->address()});
  EXPECT_EQ(
      QueryInt(absl::StrCat("SELECT count(*) FROM pg_tables WHERE schemaname = '", schema(), "'")),
      2)
      << "the table and the kept one";
}

// F4, F5: the same for a replace in place.
struct InPlaceKill {
  const char* name;
  const char* failpoint;
  bool replaced;
};

class KillWhileReplacingInPlaceTest : public KillTest,
                                      public ::testing::WithParamInterface<InPlaceKill> {};

TEST_P(KillWhileReplacingInPlaceTest, IsAllOrNothing) {
  const auto server = StartFaultServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  DeliveryHistory before(Stream("rows", DeliveryMode::kReplace, 700, 1));
  Resume(&before, {server->address()});
  DeliveryStream stream = Stream("rows", DeliveryMode::kReplace, kRecords, 2);
  stream.strategy = v1::REPLACE_STRATEGY_IN_PLACE;
  DeliveryHistory history(stream);
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Deliver(*client, &history, 0, kRecords));
  server->Arm(GetParam().failpoint, FailpointAction::kKill);
  ExpectKilledDuring(*server, Complete(*client, &history).status());
  EXPECT_EQ(CountRows("rows"), GetParam().replaced ? kRecords : 700);
  ASSERT_OK(server->Restart());
  Resume(&history, {server->address()});
  ExpectKept({&history});
}

INSTANTIATE_TEST_SUITE_P(
    Faults, KillWhileReplacingInPlaceTest,
    ::testing::Values(InPlaceKill{"BeforeCommit", failpoint::kReplacedInPlace, false},
                      InPlaceKill{"AfterCommit", failpoint::kReplaceCommitted, true}),
    [](const auto& point) { return std::string(point.param.name); });

struct MergeKill {
  const char* name;
  const char* failpoint;
  bool merged;
};

class KillWhileMergingTest : public KillTest, public ::testing::WithParamInterface<MergeKill> {};

TEST_P(KillWhileMergingTest, IsAllOrNothing) {
  const auto server = StartFaultServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  DeliveryHistory history(Stream("rows", DeliveryMode::kDedup, kRecords));
  Execute(absl::StrCat("CREATE TABLE ", Table("rows"),
                       " (_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz NOT "
                       "NULL, _airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT "
                       "NULL, id bigint, version bigint, name varchar)"));
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Deliver(*client, &history, 0, kRecords));
  server->Arm(GetParam().failpoint, FailpointAction::kKill);
  ExpectKilledDuring(*server, Complete(*client, &history).status());
  EXPECT_EQ(CountRows("rows"), GetParam().merged ? history.stream().keys : 0);
  ASSERT_OK(server->Restart());
  Resume(&history, {server->address()});
  ExpectKept({&history});
}

INSTANTIATE_TEST_SUITE_P(Faults, KillWhileMergingTest,
                         ::testing::Values(MergeKill{"BeforeCommit", failpoint::kMerged, false},
                                           MergeKill{"AfterCommit", failpoint::kMergeCommitted,
                                                     true}),
                         [](const auto& point) { return std::string(point.param.name); });

// F7: the server is stopped at any point before its COMMIT. At the last one it holds the lock of
// the writer's row.
class StopTest : public KillTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(StopTest, F7_StoppedServerIsFencedWhenItContinues) {
  ServerProcessOptions options = FaultServerOptions();
  // PostgreSQL ends the session that holds the lock, earlier than by default. At the other points
  // nothing ends the transaction, so only the fence protects the data.
  const bool locks = GetParam() == absl::string_view(failpoint::kBeforeCommit);
  absl::StrAppend(&options.dsn,
                  " options='-c idle_in_transaction_session_timeout=", locks ? "1500" : "600000",
                  "'");
  const auto stopped = Started(options);
  const auto healthy = StartServer();
  ASSERT_NE(stopped, nullptr);
  ASSERT_NE(healthy, nullptr);
  const auto client = stopped->Client();
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, kRecords));
  ASSERT_OK(Start(*client, history));
  ASSERT_OK(Deliver(*client, &history, 0, 500));
  stopped->Arm(GetParam(), FailpointAction::kStop);
  absl::Status zombie;
  auto call = std::make_unique<Thread>("zombie", [&] {
    DeliveryHistory lost(history.stream());
    zombie = Deliver(*client, &lost, 500, 1000).status();
  });
  ASSERT_TRUE(stopped->WaitForFailpoint(kPatience));
  Resume(&history, {healthy->address()});
  stopped->Signal(SIGCONT);
  call.reset();
  EXPECT_THAT(zombie, StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_OK(stopped->WaitUntilServing(kPatience));
  ExpectKept({&history});
}

INSTANTIATE_TEST_SUITE_P(Faults, StopTest,
                         ::testing::Values(failpoint::kDecode, failpoint::kCopySent,
                                           failpoint::kCopied, failpoint::kBeforeCommit),
                         [](const auto& point) { return std::string(point.param); });

// One stream fails. The server and the other stream continue.
TEST_F(KillTest, FailedStreamDoesNotAffectOthers) {
  const auto server = StartFaultServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  DeliveryHistory failing(Stream("failing", DeliveryMode::kAppend, kRecords));
  DeliveryHistory healthy(Stream("healthy", DeliveryMode::kAppend, kRecords));
  ASSERT_OK(Start(*client, failing));
  server->Arm(failpoint::kDecode, FailpointAction::kFail);
  EXPECT_THAT(Deliver(*client, &failing, 0, 500), StatusIs(StatusCode::kInternal, "FAILPOINT"));
  EXPECT_TRUE(server->running());
  Resume(&healthy, {server->address()});
  Resume(&failing, {server->address()});
  ExpectKept({&failing, &healthy});
}

TEST(FailpointBuildTest, ReleasedServerHasNone) {
  ASSERT_OK_AND_ASSIGN(const std::string shipped, ReadFile(SYNCLINE_SERVER_BINARY));
  ASSERT_OK_AND_ASSIGN(const std::string of_tests, ReadFile(SYNCLINE_FAULT_SERVER_BINARY));
  for (const char* const trace : {kFailpointFileVariable, "ReachFailpoint"}) {
    EXPECT_FALSE(absl::StrContains(shipped, trace)) << trace;
    EXPECT_TRUE(absl::StrContains(of_tests, trace)) << trace;
  }
}

}  // namespace
}  // namespace syncline::testing

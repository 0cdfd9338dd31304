// Tables that other sessions lock, change or protect, and a server that drains: F6, F20, F21, F26
// and F27 of docs/faults.md.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/thread.h"
#include "tests/e2e/fault_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

constexpr int64_t kRecords = 1000;

class TableFaultTest : public FaultTest {
 protected:
  void SetUp() override {
    FaultTest::SetUp();
    if (schema().empty()) return;
    server_ = StartFaultServer({"--swap_deadline=3s"});
    ASSERT_NE(server_, nullptr);
    client_ = server_->Client();
  }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

// F6: several streams are open, and each has records that no checkpoint has flushed.
TEST_F(TableFaultTest, F6_DrainCommitsEveryCallAndReportsOffsets) {
  server_ = StartFaultServer({"--flush_interval=1h"});
  client_ = server_->Client();
  constexpr int kStreams = 4;
  constexpr int64_t kHeld =
      100;  // fewer records per call than a block has, so that they stay in memory
  std::vector<std::unique_ptr<DeliveryHistory>> histories;
  std::vector<std::unique_ptr<client::RecordsCall>> calls;
  for (int i = 0; i < kStreams; ++i) {
    histories.push_back(std::make_unique<DeliveryHistory>(
        Stream(absl::StrCat("rows", i), DeliveryMode::kAppend, kRecords)));
    DeliveryHistory& history = *histories.back();
    ASSERT_OK(Start(*client_, history));
    calls.push_back(client_->StreamRecords());
    history.Sent(kHeld);
    ASSERT_TRUE(calls.back()->Write(history.stream().Header()));
    ASSERT_TRUE(calls.back()->Write(history.stream().Batch(0, kHeld)));
  }
  const std::string received = "\nsyncline_records_received_total{";
  ASSERT_TRUE(Eventually([&] {
    const std::string metrics = server_->Metrics();
    int streams = 0;
    for (size_t at = metrics.find(received); at != std::string::npos;
         at = metrics.find(received, at + 1)) {
      const std::string line = metrics.substr(at + 1, metrics.find('\n', at + 1) - at - 1);
      if (line.substr(line.rfind(' ')) == absl::StrCat(" ", kHeld)) ++streams;
    }
    return streams == kStreams;
  }));
  // The drain stops here, in its first commit.
  server_->Arm(failpoint::kBeforeCommit, FailpointAction::kPause);
  server_->Signal(SIGTERM);
  ASSERT_TRUE(server_->WaitForFailpoint(kPatience));
  EXPECT_EQ(GetReason(client_->CheckHealth()), "NOT_SERVING");
  EXPECT_EQ(server_->HttpStatus("/readyz"), 503);
  EXPECT_THAT(Start(*client_, DeliveryHistory(Stream("late", DeliveryMode::kAppend, 1))),
              StatusIs(StatusCode::kUnavailable, "DRAINING"));
  server_->Disarm();
  for (int i = 0; i < kStreams; ++i) {
    const absl::Status answer = calls[static_cast<size_t>(i)]->Finish().status();
    EXPECT_THAT(answer, StatusIs(StatusCode::kUnavailable, "DRAINING"));
    EXPECT_THAT(GetDetail(answer).metadata,
                ::testing::Contains(::testing::Pair("durable_offset", absl::StrCat(kHeld))));
    EXPECT_EQ(DurableRecords(histories[static_cast<size_t>(i)]->stream().sync_id), kHeld);
  }
  EXPECT_EQ(server_->Wait(kPatience), 0);
  ASSERT_OK(server_->Restart());
  for (const auto& history : histories) {
    Resume(history.get(), {server_->address()});
    ExpectKept({history.get()});
  }
}

// F20: one reader holds the table for longer than the swap may try. Other readers never queue
// behind the swap, and the table is then replaced in place.
TEST_F(TableFaultTest, F20_LongReaderLeadsToAReplaceInPlace) {
  DeliveryHistory before(Stream("rows", DeliveryMode::kReplace, 10, 1));
  Resume(&before, {server_->address()});
  DeliveryHistory history(Stream("rows", DeliveryMode::kReplace, kRecords, 2));
  ASSERT_OK(Start(*client_, history));
  ASSERT_OK(Deliver(*client_, &history, 0, kRecords));
  const auto holder = Connect();
  ASSERT_OK(holder->Begin());
  ASSERT_OK(holder->Query(absl::StrCat("SELECT count(*) FROM ", Table("rows")), {}));
  std::atomic<bool> stop = false;
  absl::Duration longest = absl::ZeroDuration();
  const auto connection = Connect();
  auto reader = std::make_unique<Thread>("reader", [&] {
    while (!stop) {
      const absl::Time asked = absl::Now();
      EXPECT_OK(connection->Query(absl::StrCat("SELECT count(*) FROM ", Table("rows")), {}));
      longest = std::max(longest, absl::Now() - asked);
    }
  });
  const absl::StatusOr<v1::CompleteStreamResponse> done = Complete(*client_, &history);
  stop = true;
  reader.reset();
  ASSERT_OK(done.status());
  EXPECT_EQ(done->outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  // One attempt waits at most 100 ms. The rest allows for a busy machine.
  EXPECT_LT(longest, absl::Milliseconds(400));
  EXPECT_EQ(CountRows("rows"), kRecords);
  ASSERT_OK(holder->Commit());
  Resume(&history, {server_->address()});
  ExpectKept({&history});
}

// F21: a session locks the table first and then the view, and the swap locks them in the opposite
// order.
TEST_F(TableFaultTest, F21_OppositeLockOrderIsRetried) {
  DeliveryHistory before(Stream("rows", DeliveryMode::kReplace, 10, 1));
  Resume(&before, {server_->address()});
  Execute(absl::StrCat("CREATE VIEW ", Table("seen"), " AS SELECT id FROM ", Table("rows")));
  DeliveryHistory history(Stream("rows", DeliveryMode::kReplace, kRecords, 2));
  ASSERT_OK(Start(*client_, history));
  ASSERT_OK(Deliver(*client_, &history, 0, kRecords));
  const auto foreign = Connect();
  ASSERT_OK(foreign->Begin());
  ASSERT_OK(foreign->Execute(absl::StrCat("LOCK TABLE ", Table("rows"), " IN ACCESS SHARE MODE")));
  absl::Status completed;
  {
    const Thread completion("completion",
                            [&] { completed = Complete(*client_, &history).status(); });
    EXPECT_TRUE(Eventually([&] {
      return QueryInt(absl::StrCat("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation "
                                   "= '",
                                   Table("rows"), "'::regclass")) > 0;
    }));
    EXPECT_OK(foreign->Query(absl::StrCat("SELECT count(*) FROM ", Table("seen")), {}));
    EXPECT_OK(foreign->Commit());
  }
  EXPECT_OK(completed);
  ExpectKept({&history});
  EXPECT_EQ(CountRows("seen"), kRecords);
}

// F27: a column that a user adds during a load keeps its default and is not written.
TEST_F(TableFaultTest, F27_ColumnAddedDuringALoadIsNotWritten) {
  DeliveryHistory history(Stream("rows", DeliveryMode::kAppend, kRecords));
  ASSERT_OK(Start(*client_, history));
  ASSERT_OK(Deliver(*client_, &history, 0, 500));
  Execute(absl::StrCat("ALTER TABLE ", Table("rows"), " ADD COLUMN theirs text DEFAULT 'theirs'"));
  ASSERT_OK(Deliver(*client_, &history, 500, kRecords));
  EXPECT_EQ(
      QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"), " WHERE theirs = 'theirs'")),
      kRecords);
  Resume(&history, {server_->address()});
  ExpectKept({&history});
}

// F27: the table is dropped before the staged rows are merged.
TEST_F(TableFaultTest, F27_TargetDroppedBeforeAMerge) {
  DeliveryHistory before(Stream("rows", DeliveryMode::kDedup, 97));
  Resume(&before, {server_->address()});
  DeliveryStream next = Stream("rows", DeliveryMode::kDedup, kRecords);
  next.sync_id += " next";
  DeliveryHistory history(next);
  ASSERT_OK(Start(*client_, history));
  ASSERT_OK(Deliver(*client_, &history, 0, kRecords));
  Execute(absl::StrCat("DROP TABLE ", Table("rows")));
  const absl::Status answer = Complete(*client_, &history).status();
  if (!answer.ok()) {
    EXPECT_THAT(answer, StatusIs(StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"));
  }
  Resume(&history, {server_->address()});
  ExpectKept({&history});
}

// F26: a privilege is revoked between two batches and granted again.
class RightFaultTest : public FaultTest {
 protected:
  void SetUp() override {
    FaultTest::SetUp();
    if (schema().empty()) return;
    Execute(absl::StrCat("CREATE ROLE ", role(), "; CREATE SCHEMA ", ledger(), " AUTHORIZATION ",
                         role(), "; GRANT USAGE, CREATE ON SCHEMA ", schema(), " TO ", role()));
    ServerProcessOptions options = FaultServerOptions();
    absl::StrAppend(&options.dsn, " options='-c role=", role(), "'");
    server_ = Started(options);
    ASSERT_NE(server_, nullptr);
    client_ = server_->Client();
  }
  void TearDown() override {
    server_.reset();
    if (!schema().empty()) {
      Execute(absl::StrCat("DROP OWNED BY ", role(), " CASCADE; DROP ROLE ", role()));
    }
    FaultTest::TearDown();
  }

  std::string role() const { return schema() + "_role"; }

  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

TEST_F(RightFaultTest, F26_RevokedPrivilegeIsNamed) {
  DeliveryHistory loads(Stream("loads", DeliveryMode::kAppend, kRecords));
  ASSERT_OK(Start(*client_, loads));
  ASSERT_OK(Deliver(*client_, &loads, 0, 500));
  DeliveryHistory replaces(Stream("replaces", DeliveryMode::kReplace, kRecords));
  ASSERT_OK(Start(*client_, replaces));
  ASSERT_OK(Deliver(*client_, &replaces, 0, kRecords));
  Execute(absl::StrCat("REVOKE ALL ON SCHEMA ", schema(), " FROM ", role()));
  EXPECT_THAT(Deliver(*client_, &loads, 500, kRecords),
              StatusIs(StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED"));
  EXPECT_THAT(Complete(*client_, &replaces),
              StatusIs(StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED"));
  EXPECT_THAT(Start(*client_, DeliveryHistory(Stream("third", DeliveryMode::kAppend, 1))),
              StatusIs(StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM pg_class WHERE relname = 'third'")), 0);
  EXPECT_EQ(DurableRecords(loads.stream().sync_id), 500);
  Execute(absl::StrCat("GRANT USAGE, CREATE ON SCHEMA ", schema(), " TO ", role()));
  Resume(&loads, {server_->address()});
  Resume(&replaces, {server_->address()});
  ExpectKept({&loads, &replaces});
}

}  // namespace
}  // namespace syncline::testing

// Which call may write for a writer: late headers, and what a crash of PostgreSQL takes back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/own_cluster.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

class ClaimTest : public EndToEndTest {
 protected:
  static v1::StreamRecordsRequest Expecting(v1::StreamRecordsRequest header, int64_t epoch) {
    header.mutable_header()->set_expected_epoch(epoch);
    return header;
  }
  // Returns the epochs of the stream's writers, as StartSync reports them.
  std::string Epochs(client::SyncClient& client, absl::string_view sync_id) {
    const auto started = client.StartSync(OneStream(sync_id, "rows"));
    EXPECT_OK(started);
    std::string epochs;
    if (!started.ok()) return epochs;
    for (const v1::WriterPosition& writer : started->streams(0).writers()) {
      absl::StrAppend(&epochs, writer.writer_id(), ":", writer.epoch(), " ");
    }
    return epochs;
  }
  std::string Ids() {
    const auto connection = Connect();
    const absl::StatusOr<postgres::Result> rows = connection->Query(
        absl::StrCat("SELECT string_agg(id::text, ',' ORDER BY id) FROM ", Table("rows")), {});
    EXPECT_OK(rows);
    return rows.ok() ? rows->Text(0, 0) : "";
  }
};

// The header waits at a server that is frozen. Meanwhile a newer call opens the writer elsewhere.
TEST_F(ClaimTest, LateHeaderDoesNotTakeOver) {
  const auto frozen = StartServer();
  const auto healthy = StartServer();
  ASSERT_NE(frozen, nullptr);
  ASSERT_NE(healthy, nullptr);
  const auto late_client = frozen->Client();
  EXPECT_EQ(Epochs(*late_client, "late"), "");
  frozen->Signal(SIGSTOP);
  const auto late = late_client->StreamRecords();
  ASSERT_TRUE(late->Write(Expecting(Header("late", "rows"), 0)));

  const auto client = healthy->Client();
  const auto newer = client->StreamRecords();
  ASSERT_TRUE(newer->Write(Expecting(Header("late", "rows"), 0)));
  ASSERT_TRUE(newer->Write(Batch(0, 5)));
  ASSERT_TRUE(newer->Write(CheckpointOf("c", "state")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("late") == 5; }));
  frozen->Signal(SIGCONT);
  late->Write(Batch(0, 5));
  const absl::Status refused = late->Finish().status();
  EXPECT_THAT(refused, StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_THAT(frozen->Metrics(), ::testing::HasSubstr("syncline_fenced_writers_total 1"));

  EXPECT_TRUE(newer->Write(Batch(5, 8)));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse written, newer->Finish());
  EXPECT_EQ(written.durable_offset(), 8);
  EXPECT_EQ(Epochs(*client, "late"), ":1 ");
  const auto next = client->StreamRecords();
  ASSERT_TRUE(next->Write(Expecting(Header("late", "rows"), 1)));
  EXPECT_OK(next->Finish());
  EXPECT_EQ(Epochs(*client, "late"), ":2 ");
  EXPECT_OK(client->CompleteStream(Completion("late", "rows")));
  EXPECT_EQ(Ids(), "0,1,2,3,4,5,6,7");
}

TEST_F(ClaimTest, NegativeExpectedEpochIsRefused) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("negative", "rows")));
  const auto call = client->StreamRecords();
  call->Write(Expecting(Header("negative", "rows"), -1));
  const absl::Status refused = call->Finish().status();
  EXPECT_THAT(refused, StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  ASSERT_EQ(GetDetail(refused).violations.size(), 1u);
  EXPECT_EQ(GetDetail(refused).violations[0].field, "header.expected_epoch");
}

// The WAL writer sleeps for 10 s, so that a crash loses every commit that did not wait for WAL.
class ClaimCrashTest : public WithOwnCluster<ClaimTest> {
 protected:
  PostgresClusterOptions ClusterOptions() const override {
    return {.settings = {{"wal_writer_delay", "10s"}, {"autovacuum", "off"}}};
  }
  void Crash() {
    cluster_->Stop(PostgresCluster::StopMode::kImmediate);
    ASSERT_OK(cluster_->Start());
  }
  // Calls CompleteStream until it answers anything but WRITERS_ACTIVE or UNAVAILABLE.
  absl::Status Complete(client::SyncClient& client, absl::string_view sync_id) {
    absl::Status status;
    Eventually([&] {
      status = client.CompleteStream(Completion(sync_id, "rows")).status();
      return GetReason(status) != "WRITERS_ACTIVE" && !absl::IsUnavailable(status);
    });
    return status;
  }
};

// The caller's answer follows the release of its claim, which the crash takes back.
TEST_F(ClaimCrashTest, WritersActiveEndsAfterACrash) {
  const auto server = StartServer();
  const auto other = StartServer();
  ASSERT_NE(server, nullptr);
  ASSERT_NE(other, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("crash", "rows")));
  for (int64_t begin = 0; begin < 3; ++begin) {
    const auto call = client->StreamRecords();
    ASSERT_TRUE(call->Write(Header("crash", "rows")));
    ASSERT_TRUE(call->Write(Batch(begin, begin + 1)));
    // The record is committed before the call ends, so that no commit releases the claim.
    ASSERT_TRUE(call->Write(CheckpointOf(absl::StrCat(begin), "state")));
    ASSERT_TRUE(Eventually([&] {
      const absl::StatusOr<v1::SyncSummary> sync = client->GetSync("crash");
      return sync.ok() && sync->streams(0).writers_size() == 1 &&
             sync->streams(0).writers(0).durable_offset() == begin + 1;
    }));
    ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse written, call->Finish());
    EXPECT_EQ(written.durable_offset(), begin + 1);
    Crash();
  }
  const absl::Time asked = absl::Now();
  EXPECT_OK(Complete(*other->Client(), "crash"));
  // A renewal every 0.5 s, and the time until the server notices that PostgreSQL is back.
  EXPECT_LT(absl::Now() - asked, absl::Seconds(5));
  EXPECT_EQ(Ids(), "0,1,2");
}

}  // namespace
}  // namespace syncline::testing

// A crash of PostgreSQL right after each statement that commits without waiting for WAL, and after
// the lease statements. The WAL writer sleeps for 10 s, so that a crash loses what only it would
// have written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/stream_state_store.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/own_cluster.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using absl::StatusCode;
using testing::StatusIs;
using write::FlushResult;
using write::InsertBuffer;

constexpr absl::Duration kLease = absl::Minutes(1);

class ClaimCrashTest : public testing::WithOwnCluster<testing::WritePathTest> {
 protected:
  void SetUp() override {
    WithOwnCluster<testing::WritePathTest>::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    other_server_ = std::make_unique<write::StreamStateStore>(&database(), connections_.get(),
                                                              ledger_.get(), "other");
    ASSERT_OK(store_->RenewLease(kLease));
  }
  testing::PostgresClusterOptions ClusterOptions() const override {
    return {.settings = {{"wal_writer_delay", "10s"}, {"autovacuum", "off"}}};
  }

  void Crash() {
    cluster_->Stop(testing::PostgresCluster::StopMode::kImmediate);
    ASSERT_OK(cluster_->Start());
  }

  // Returns the value of a statement, on a connection that no crash has broken.
  std::string Ask(absl::string_view columns, absl::string_view table) {
    const auto connection = Connect();
    const absl::StatusOr<postgres::Result> rows =
        connection->Query(absl::StrCat("SELECT ", columns, " FROM ", schema(), ".", table), {});
    EXPECT_OK(rows);
    if (!rows.ok() || rows->empty()) return "no row";
    return rows->IsNull(0, 0) ? "NULL" : rows->Text(0, 0);
  }

  absl::StatusOr<FlushResult> Flush(const WriterClaim& claim, int64_t begin, int64_t end,
                                    bool closes = false) {
    InsertBuffer buffer(&load_, plan_, "sync", claim);
    Fill(buffer, begin, end);
    return testing::FlushAll(buffer, {}, closes);
  }

  // Loads records `durable`..9 in a new call and completes the stream at the other server.
  void ExpectLoadable(int64_t durable) {
    const ClaimedWriter claimed = Claim("w");
    EXPECT_EQ(claimed.committed.DurableOffset(), durable);
    EXPECT_OK(Flush(claimed.claim, durable, 10));
    store_->ReleaseWriter(claimed.claim, absl::OkStatus());
    EXPECT_OK(other_server_->BeginCompletion(plan_.stream_no, {true, 10}));
    const auto connection = Connect();
    const absl::StatusOr<postgres::Result> rows = connection->Query(
        absl::StrCat("SELECT string_agg(id::text, ',' ORDER BY id) FROM ", Table("t")), {});
    ASSERT_OK(rows);
    EXPECT_EQ(rows->Text(0, 0), "0,1,2,3,4,5,6,7,8,9");
  }

  std::unique_ptr<write::StreamStateStore> other_server_;
};

TEST_F(ClaimCrashTest, LostClaimOfANewWriterCommitsNothing) {
  const WriterClaim lost = Claim("w").claim;
  Crash();
  ASSERT_EQ(Ask("epoch", "writer"), "no row");
  EXPECT_THAT(Flush(lost, 0, 5), StatusIs(StatusCode::kAborted, "CLAIM_LOST"));
  const WriterClaim next = Claim("w").claim;
  ASSERT_EQ(next.epoch, lost.epoch);
  EXPECT_THAT(Flush(lost, 0, 5), StatusIs(StatusCode::kAborted, "FENCED"));
  store_->ReleaseWriter(lost, absl::OkStatus());
  EXPECT_THAT(other_server_->BeginCompletion(plan_.stream_no, {true, 0}),
              StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"))
      << "a lost claim must not release its successor";
  EXPECT_OK(Flush(next, 0, 5));
  EXPECT_THAT(Flush(lost, 5, 6), StatusIs(StatusCode::kAborted, "FENCED"));
  store_->ReleaseWriter(next, absl::OkStatus());
  ExpectLoadable(5);
}

// The epoch goes from 1 to 2, back to 1, and to 2 again.
TEST_F(ClaimCrashTest, LostTakeOverCommitsNothing) {
  const WriterClaim oldest = Claim("w").claim;
  ASSERT_OK(Flush(oldest, 0, 3));
  const WriterClaim lost = Claim("w").claim;
  EXPECT_EQ(lost.epoch, 2);
  Crash();
  ASSERT_EQ(Ask("epoch", "writer"), "1");
  EXPECT_THAT(Flush(lost, 3, 5), StatusIs(StatusCode::kAborted, "CLAIM_LOST"));
  const WriterClaim next = Claim("w").claim;
  EXPECT_EQ(next.epoch, 2);
  EXPECT_THAT(Flush(lost, 3, 5), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_THAT(Flush(oldest, 3, 5), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_OK(Flush(next, 3, 5));
  store_->ReleaseWriter(next, absl::OkStatus());
  ExpectLoadable(5);
}

TEST_F(ClaimCrashTest, LostReleaseIsMadeAgainByTheNextRenewal) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Flush(claim, 0, 5));
  store_->ReleaseWriter(claim, absl::OkStatus());
  Crash();
  ASSERT_EQ(Ask("open_by", "writer"), "test");
  EXPECT_THAT(other_server_->BeginCompletion(plan_.stream_no, {true, 5}),
              StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  ASSERT_OK(other_server_->RenewLease(kLease));
  EXPECT_EQ(Ask("open_by", "writer"), "test") << "only its own server knows";
  ASSERT_OK(store_->RenewLease(kLease));
  EXPECT_EQ(Ask("open_by", "writer"), "NULL");
  // A crash may take that back, too.
  Crash();
  ASSERT_OK(store_->RenewLease(kLease));
  EXPECT_EQ(Ask("open_by", "writer"), "NULL");
  ExpectLoadable(5);
}

// The last commit of a call releases its claim and waits for WAL.
TEST_F(ClaimCrashTest, ReleaseByACommitSurvives) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Flush(claim, 0, 5, /*closes=*/true));
  Crash();
  EXPECT_EQ(Ask("open_by", "writer"), "NULL");
  ExpectLoadable(5);
}

TEST_F(ClaimCrashTest, LeaseSurvives) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Flush(claim, 0, 5));
  ASSERT_OK(store_->RenewLease(60 * kLease));
  Crash();
  EXPECT_EQ(Ask("lease_until > now() + interval '50 minutes'", "server"), "t");
  EXPECT_THAT(other_server_->BeginCompletion(plan_.stream_no, {true, 5}),
              StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  EXPECT_OK(Flush(claim, 5, 7)) << "the crash took nothing from this call";
  ASSERT_OK(store_->RenewLease(kLease));
  EXPECT_EQ(Ask("open_by", "writer"), "test") << "the call is still open";
  store_->ReleaseWriter(claim, absl::OkStatus());
  ExpectLoadable(7);
}

TEST_F(ClaimCrashTest, DroppedLeaseStaysDropped) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Flush(claim, 0, 5));
  store_->ReleaseWriter(claim, absl::OkStatus());
  ASSERT_OK(store_->DropLease());
  Crash();
  EXPECT_EQ(Ask("server_id", "server"), "no row");
  ExpectLoadable(5);
}

}  // namespace
}  // namespace syncline

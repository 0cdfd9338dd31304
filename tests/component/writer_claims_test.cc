// Claims of writers: the expected epoch, repeated claims, and open writers that no call holds.
#include "server/postgres/ledger/writer_claims.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/thread.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/stream_state_store.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/own_cluster.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using absl::StatusCode;
using postgres::WriterClaims;
using testing::FaultProxy;
using testing::StatusIs;

constexpr absl::Duration kLease = absl::Minutes(1);

class WriterClaimsTest : public testing::WritePathTest {
 protected:
  absl::StatusOr<ClaimedWriter> TryClaim(std::optional<int64_t> expected_epoch) {
    return store_->ClaimWriter(sync_no_, plan_.stream_no, "w", expected_epoch);
  }
  std::string Writer(absl::string_view columns) {
    return QueryValue(absl::StrCat("SELECT ", columns, " FROM ", schema(), ".writer w"));
  }
  absl::Status Flush(const WriterClaim& claim, int64_t begin, int64_t end) {
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    Fill(buffer, begin, end);
    return buffer.Flush({}).status();
  }
};

TEST_F(WriterClaimsTest, ExpectedEpochIsAMaximum) {
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter first, TryClaim(0));
  EXPECT_EQ(first.claim.epoch, 1);
  const std::string before = Writer("w::text");
  const absl::Status late = TryClaim(0).status();
  EXPECT_THAT(late, StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_THAT(GetDetail(late).metadata, ::testing::ElementsAre(::testing::Pair("writer_id", "w")));
  EXPECT_FALSE(GetDetail(late).retry_after.has_value());
  EXPECT_EQ(Writer("w::text"), before);
  EXPECT_OK(Flush(first.claim, 0, 5));
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter second, TryClaim(1));
  EXPECT_EQ(second.claim.epoch, 2);
  EXPECT_THAT(Flush(first.claim, 5, 6), StatusIs(StatusCode::kAborted, "FENCED"));
  // A crash may have lowered the epoch since the caller read it.
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter third, TryClaim(7));
  EXPECT_EQ(third.claim.epoch, 3);
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter fourth, TryClaim(std::nullopt));
  EXPECT_EQ(fourth.claim.epoch, 4);
  EXPECT_OK(Flush(fourth.claim, 5, 6));
}

TEST_F(WriterClaimsTest, EndOfTheStreamComesBeforeTheExpectedEpoch) {
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter claimed, TryClaim(0));
  store_->ReleaseWriter(claimed.claim, absl::OkStatus());
  ASSERT_OK(store_->BeginCompletion(plan_.stream_no, {true, 0}));
  EXPECT_THAT(TryClaim(0), StatusIs(StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
  ASSERT_OK(store_->CancelSync("sync"));
  EXPECT_THAT(TryClaim(0), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

TEST_F(WriterClaimsTest, RenewalClearsOnlyWhatNoCallHolds) {
  ASSERT_OK(store_->RenewLease(kLease));
  const WriterClaim ended = Claim("ended").claim;
  const WriterClaim open = Claim("open").claim;
  write::StreamStateStore other(&database(), connections_.get(), ledger_.get(), "other");
  ASSERT_OK(other.RenewLease(kLease));
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter elsewhere,
                       other.ClaimWriter(sync_no_, plan_.stream_no, "elsewhere"));
  store_->ReleaseWriter(ended, absl::OkStatus());
  // A crash takes the release back.
  Execute(
      absl::StrCat("UPDATE ", schema(), ".writer SET open_by = 'test' WHERE writer_id = 'ended'"));
  const std::string still_open =
      absl::StrCat("SELECT string_agg(writer_id, ',' ORDER BY writer_id) FROM ", schema(),
                   ".writer WHERE open_by IS NOT NULL");
  EXPECT_EQ(QueryValue(still_open), "elsewhere,ended,open");
  ASSERT_OK(store_->RenewLease(kLease));
  EXPECT_EQ(QueryValue(still_open), "elsewhere,open");
  ASSERT_OK(other.RenewLease(kLease));
  EXPECT_EQ(QueryValue(still_open), "elsewhere,open");
}

TEST_F(WriterClaimsTest, RenewalDoesNotWaitForALockedWriter) {
  const WriterClaim claim = Claim("w").claim;
  const auto lane = Connect();
  CommitHalfway(*lane, claim, 0, 5);
  store_->ForgetClaim(claim);
  EXPECT_OK(store_->RenewLease(kLease));
  EXPECT_EQ(Writer("open_by"), "test");
  EXPECT_OK(lane->Commit());
  EXPECT_OK(store_->RenewLease(kLease));
  EXPECT_EQ(Writer("coalesce(open_by, 'none')"), "none");
}

TEST_F(WriterClaimsTest, RenewalsDoNotClearClaimsInProgress) {
  std::atomic<bool> stop{false};
  const Thread renewing("renewing", [&] {
    while (!stop) EXPECT_OK(store_->RenewLease(kLease));
  });
  for (int i = 0; i < 300; ++i) {
    const absl::StatusOr<ClaimedWriter> claimed = TryClaim(/*expected_epoch=*/i);
    EXPECT_OK(claimed);
    if (!claimed.ok()) break;
    EXPECT_EQ(Writer("coalesce(open_by, 'none')"), "test") << i;
    if (i % 2 == 0) store_->ReleaseWriter(claimed->claim, absl::OkStatus());
    if (i % 2 == 1) store_->ForgetClaim(claimed->claim);
  }
  stop = true;
}

// A private PostgreSQL, because the proxy connects over TCP.
class LostAnswerTest : public testing::WithOwnCluster<WriterClaimsTest> {
 protected:
  void SetUp() override {
    testing::WithOwnCluster<WriterClaimsTest>::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_OK_AND_ASSIGN(proxy_, FaultProxy::Start(cluster_->port()));
    postgres::ConnectionOptions options;
    options.conninfo = absl::StrCat(cluster_->tcp_dsn(), " port=", proxy_->port());
    away_ = std::make_unique<postgres::ConnectionPool>(options);
    claims_ = std::make_unique<WriterClaims>(*ledger_, away_.get(), "test");
    ASSERT_OK(store_->RenewLease(kLease));
  }

  // Runs `statement`, which waits for a row of `table`, and loses its answer after it has taken
  // effect.
  void LoseAnswer(absl::string_view table, const std::function<void()>& statement) {
    const auto blocker = Connect();
    const auto watching = Connect();
    ASSERT_OK(blocker->Begin());
    ASSERT_OK(
        blocker->Execute(absl::StrCat("SELECT 1 FROM ", schema(), ".", table, " FOR UPDATE")));
    const std::string before = Writers();
    const Thread losing("losing", statement);
    WaitUntilBlocked(*watching, BackendPid(*blocker));
    proxy_->Set(testing::ProxyWay::kToClient, {.silent = true});
    EXPECT_OK(blocker->Commit());
    while (Writers() == before) {
    }
    EXPECT_GE(proxy_->Cut(), 1);
    proxy_->Set(testing::ProxyWay::kToClient, {});
  }
  std::string Writers() {
    return QueryValue(
        absl::StrCat("SELECT coalesce(string_agg(w::text, ';'), '') FROM ", schema(), ".writer w"));
  }

  std::unique_ptr<FaultProxy> proxy_;
  std::unique_ptr<postgres::ConnectionPool> away_;
  std::unique_ptr<WriterClaims> claims_;
};

TEST_F(LostAnswerTest, RepeatedClaimDoesNotFenceItself) {
  for (const bool reused : {false, true}) {
    const std::string writer = reused ? "reused" : "fresh";
    if (!reused) away_->CloseIdle();
    absl::StatusOr<ClaimedWriter> claimed = absl::UnknownError("not run");
    LoseAnswer("stream", [&] {
      claimed = claims_->Claim(sync_no_, plan_.stream_no, writer, /*expected_epoch=*/0);
    });
    ASSERT_OK(claimed) << writer;
    EXPECT_EQ(claimed->claim.epoch, 1);
    EXPECT_OK(Flush(claimed->claim, 0, 5));
    EXPECT_OK(claims_->Release(claimed->claim, absl::OkStatus()));
  }
  EXPECT_OK(store_->BeginCompletion(plan_.stream_no, {true, 10}));
}

TEST_F(LostAnswerTest, RepeatedReleaseChangesNothing) {
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter claimed,
                       claims_->Claim(sync_no_, plan_.stream_no, "w", std::nullopt));
  absl::Status released;
  LoseAnswer("writer", [&] { released = claims_->Release(claimed.claim, absl::OkStatus()); });
  EXPECT_OK(released);
  EXPECT_OK(store_->BeginCompletion(plan_.stream_no, {true, 0}));
}

// The answer is lost, and the database cannot be reached again in time.
TEST_F(LostAnswerTest, ClaimWithoutAnAnswerIsClearedByTheNextRenewal) {
  absl::StatusOr<ClaimedWriter> claimed;
  { ASSERT_OK(away_->Acquire()); }
  proxy_->RefuseNew(true);
  LoseAnswer("stream",
             [&] { claimed = claims_->Claim(sync_no_, plan_.stream_no, "w", std::nullopt); });
  EXPECT_THAT(claimed, StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(store_->BeginCompletion(plan_.stream_no, {true, 0}),
              StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  ASSERT_OK(database().Transact(
      [&](postgres::Transaction& transaction) { return claims_->ClearUnheld(transaction); }));
  EXPECT_OK(store_->BeginCompletion(plan_.stream_no, {true, 0}));
}

}  // namespace
}  // namespace syncline

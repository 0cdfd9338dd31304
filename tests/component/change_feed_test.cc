#include "server/postgres/ledger/change_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/thread.h"
#include "tests/component/ledger_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kLong = absl::Seconds(60);
constexpr absl::Duration kShort = absl::Milliseconds(50);

class ChangeFeedTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    feed_ = std::make_unique<postgres::ChangeFeed>(connections_.get(), ledger_.get());
  }
  void TearDown() override {
    feed_.reset();
    PostgresTest::TearDown();
  }

  // Connects, which reports that any sync may have changed.
  void Listen() {
    const absl::StatusOr<postgres::Changes> changes = feed_->Wait(absl::ZeroDuration());
    ASSERT_OK(changes);
    ASSERT_TRUE(changes->all);
  }
  // Returns the syncs that the feed reports after waiting for `timeout`.
  std::vector<int64_t> Wait(absl::Duration timeout) {
    const absl::StatusOr<postgres::Changes> changes = feed_->Wait(timeout);
    EXPECT_OK(changes);
    if (!changes.ok()) return {};
    EXPECT_FALSE(changes->all);
    return changes->sync_nos;
  }
  void Notify(int64_t sync_no) {
    Execute(absl::StrCat("SELECT pg_notify('", ledger_->Channel(), "', '", sync_no, "')"));
  }
  // Backends that listen to this test's ledger.
  std::vector<std::vector<std::string>> Listeners() {
    return QueryText(absl::StrCat("SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN \"",
                                  ledger_->Channel(), "\"'"));
  }

  std::unique_ptr<postgres::ChangeFeed> feed_;
};

TEST_F(ChangeFeedTest, ReportsTheSyncsThatChanged) {
  Listen();
  EXPECT_THAT(Wait(kShort), IsEmpty());
  Notify(2);
  EXPECT_THAT(Wait(kLong), ElementsAre(2));
  EXPECT_THAT(Wait(kShort), IsEmpty());
  // Notifications that arrive while the thread reads with the connection are kept.
  ASSERT_OK_AND_ASSIGN(postgres::Connection* const connection, feed_->GetConnection());
  Notify(3);
  ASSERT_OK(connection->Execute("SELECT 1"));
  EXPECT_THAT(Wait(kLong), ElementsAre(3));
}

TEST_F(ChangeFeedTest, AnotherThreadEndsTheWait) {
  Listen();
  const absl::Time started = absl::Now();
  Thread waker("waker", [this] {
    absl::SleepFor(kShort);
    feed_->Wake();
  });
  EXPECT_THAT(Wait(kLong), IsEmpty());
  EXPECT_LT(absl::Now() - started, kLong / 2);
  // It also ends the next wait if there is none at the time.
  feed_->Wake();
  EXPECT_THAT(Wait(kLong), IsEmpty());
  EXPECT_LT(absl::Now() - started, kLong / 2);
}

TEST_F(ChangeFeedTest, ClosedFeedHasNoConnection) {
  Listen();
  EXPECT_EQ(Listeners().size(), 1);
  feed_->Close();
  // The backend takes a moment to end.
  for (int tries = 0; tries < 600 && !Listeners().empty(); ++tries) {
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_EQ(Listeners().size(), 0);
  Listen();
  Notify(1);
  EXPECT_THAT(Wait(kLong), ElementsAre(1));
}

TEST_F(ChangeFeedTest, LostConnectionIsReportedAndReopened) {
  Listen();
  ASSERT_EQ(Listeners().size(), 1);
  Execute(absl::StrCat("SELECT pg_terminate_backend(", Listeners()[0][0], ")"));
  EXPECT_EQ(feed_->Wait(kLong).status().code(), absl::StatusCode::kUnavailable);
  // Notifications sent while disconnected are lost, so any sync may have changed.
  Listen();
  Notify(1);
  EXPECT_THAT(Wait(kLong), ElementsAre(1));
}

TEST_F(ChangeFeedTest, FailedConnectionIsReported) {
  postgres::ConnectionOptions nowhere;
  nowhere.conninfo = "host=127.0.0.1 port=1 user=none dbname=none";
  postgres::ConnectionPool pool(nowhere);
  postgres::ChangeFeed feed(&pool, ledger_.get());
  EXPECT_EQ(feed.Wait(kShort).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace syncline::testing

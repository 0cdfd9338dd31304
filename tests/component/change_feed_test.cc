#include "server/postgres/ledger/change_feed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/thread.h"
#include "tests/component/ledger_fixture.h"

namespace syncline::testing {
namespace {

using Subscription = std::unique_ptr<postgres::ChangeFeed::Subscription>;

constexpr absl::Duration kLong = absl::Seconds(60);

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

  Subscription Subscribe(int64_t sync_no) {
    absl::StatusOr<Subscription> subscription = feed_->Subscribe(sync_no);
    EXPECT_OK(subscription);
    return subscription.ok() ? *std::move(subscription) : nullptr;
  }
  void Notify(int64_t sync_no) {
    Execute(absl::StrCat("SELECT pg_notify('", ledger_->Channel(), "', '", sync_no, "')"));
  }
  // Consumes the initial wake-up of a new subscription, which it gets even if nothing has happened.
  static void ConsumeWakeUps(postgres::ChangeFeed::Subscription& subscription) {
    while (*subscription.Wait(absl::Milliseconds(20))) {
    }
  }
  // Backends that listen to this test's ledger.
  std::vector<std::vector<std::string>> Listeners() {
    return QueryText(absl::StrCat("SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN \"",
                                  ledger_->Channel(), "\"'"));
  }

  std::unique_ptr<postgres::ChangeFeed> feed_;
};

TEST_F(ChangeFeedTest, SubscriptionsReceiveOnlyTheirOwnSync) {
  const Subscription one = Subscribe(1);
  const Subscription two = Subscribe(2);
  ConsumeWakeUps(*one);
  ConsumeWakeUps(*two);
  Notify(2);
  EXPECT_EQ(*two->Wait(kLong), true);
  EXPECT_EQ(*one->Wait(absl::Milliseconds(50)), false);
  // Received while another subscription waited, and kept.
  Notify(1);
  EXPECT_EQ(*two->Wait(absl::Milliseconds(200)), false);
  EXPECT_EQ(*one->Wait(kLong), true);
  EXPECT_EQ(*one->Wait(absl::ZeroDuration()), false);
}

TEST_F(ChangeFeedTest, WatchesShareOneConnection) {
  constexpr int kWatches = 50;
  {
    std::vector<Subscription> subscriptions;
    for (int n = 0; n < kWatches; ++n) subscriptions.push_back(Subscribe(n));
    for (const Subscription& subscription : subscriptions) ConsumeWakeUps(*subscription);
    std::atomic<int> heard = 0;
    std::vector<std::unique_ptr<Thread>> threads;
    for (const Subscription& subscription : subscriptions) {
      threads.push_back(std::make_unique<Thread>("watch", [&heard, &subscription] {
        const absl::StatusOr<bool> changed = subscription->Wait(kLong);
        EXPECT_OK(changed);
        if (changed.ok() && *changed) ++heard;
      }));
    }
    EXPECT_EQ(Listeners().size(), 1);
    for (int n = 0; n < kWatches; ++n) Notify(n);
    threads.clear();
    EXPECT_EQ(heard, kWatches);
  }
  // The connection is closed with the last of them; the backend takes a moment to end.
  for (int tries = 0; tries < 600 && !Listeners().empty(); ++tries) {
    absl::SleepFor(absl::Milliseconds(100));
  }
  EXPECT_EQ(Listeners().size(), 0);
  const Subscription again = Subscribe(1);
  ConsumeWakeUps(*again);
  Notify(1);
  EXPECT_EQ(*again->Wait(kLong), true);
}

TEST_F(ChangeFeedTest, LostConnectionIsReportedAndReopened) {
  const Subscription one = Subscribe(1);
  const Subscription two = Subscribe(2);
  ConsumeWakeUps(*one);
  ConsumeWakeUps(*two);
  ASSERT_EQ(Listeners().size(), 1);
  Execute(absl::StrCat("SELECT pg_terminate_backend(", Listeners()[0][0], ")"));
  EXPECT_EQ(one->Wait(kLong).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(two->Wait(kLong).status().code(), absl::StatusCode::kUnavailable);
  // Notifications sent while disconnected are lost, so both subscriptions are woken.
  EXPECT_EQ(*one->Wait(kLong), true);
  EXPECT_EQ(*two->Wait(kLong), true);
  EXPECT_EQ(*one->Wait(absl::Milliseconds(50)), false);
  Notify(1);
  EXPECT_EQ(*one->Wait(kLong), true);
}

TEST_F(ChangeFeedTest, FailedConnectionIsReported) {
  postgres::ConnectionOptions nowhere;
  nowhere.conninfo = "host=127.0.0.1 port=1 user=none dbname=none";
  postgres::ConnectionPool pool(nowhere);
  postgres::ChangeFeed feed(&pool, ledger_.get());
  EXPECT_EQ(feed.Subscribe(1).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace syncline::testing

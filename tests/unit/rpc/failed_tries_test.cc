#include "server/rpc/failed_tries.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace syncline::rpc {
namespace {

class FailedTriesTest : public ::testing::Test {
 protected:
  void Try(const std::string& peer) {
    tries_.Answer(peer, now_, [this] { ++answered_; });
  }
  // Advances the clock and returns the number of answers during that time.
  int After(absl::Duration passed) {
    const int before = answered_;
    now_ += passed;
    tries_.Tick(now_);
    return answered_ - before;
  }

  absl::Time now_ = absl::UnixEpoch() + absl::Hours(1000);
  FailedTries tries_;
  int answered_ = 0;
};

TEST_F(FailedTriesTest, DelaysGrowAfterTheFirstTries) {
  for (int i = 0; i < 5; ++i) Try("a");
  EXPECT_EQ(answered_, 5);
  Try("a");
  EXPECT_EQ(answered_, 5);
  EXPECT_EQ(After(absl::Milliseconds(900)), 0);
  EXPECT_EQ(After(absl::Milliseconds(200)), 1);
  Try("a");
  EXPECT_EQ(After(absl::Milliseconds(1900)), 0);
  EXPECT_EQ(After(absl::Milliseconds(200)), 1);
  for (int i = 0; i < 50; ++i) Try("a");
  EXPECT_EQ(After(absl::Seconds(10)), 50) << "at most ten seconds";
  // Another client, and the same client after a while, start with a clean record.
  Try("b");
  EXPECT_EQ(answered_, 58);
  After(absl::Minutes(11));
  Try("a");
  EXPECT_EQ(answered_, 59);
}

TEST_F(FailedTriesTest, StopSendsPendingAnswers) {
  for (int i = 0; i < 20; ++i) Try("a");
  EXPECT_EQ(answered_, 5);
  tries_.Stop();
  EXPECT_EQ(answered_, 20);
  Try("a");
  EXPECT_EQ(answered_, 21);
}

TEST_F(FailedTriesTest, PendingAnswersAreBounded) {
  for (int i = 0; i < 20'000; ++i) Try(absl::StrCat("peer", i % 100));
  EXPECT_GE(answered_, 9'900);
  tries_.Stop();
  EXPECT_EQ(answered_, 20'000);
}

TEST(PeerTest, IsAnAddressWithoutItsPort) {
  EXPECT_EQ(GetPeerAddress("ipv4:192.0.2.7:4711"), "ipv4:192.0.2.7");
  EXPECT_EQ(GetPeerAddress("ipv6:%5B2001:db8::1%5D:4711"), "ipv6:%5B2001:db8::1%5D");
  EXPECT_EQ(GetLastForwardedFor("198.51.100.1, 192.0.2.7 "), "192.0.2.7");
  EXPECT_EQ(GetLastForwardedFor("192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(GetLastForwardedFor(""), "");
}

}  // namespace
}  // namespace syncline::rpc

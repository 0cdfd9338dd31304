#include "base/backoff.h"

#include <gtest/gtest.h>

#include <set>

namespace syncline {
namespace {

TEST(BackoffTest, DelayIsBetweenHalfAndAllOfADoublingSpan) {
  for (int run = 0; run < 200; ++run) {
    Backoff backoff(absl::Milliseconds(10), absl::Milliseconds(100));
    for (const int span_ms : {10, 20, 40, 80, 100, 100, 100}) {
      const absl::Duration delay = backoff.Next();
      EXPECT_GE(delay, absl::Milliseconds(span_ms) / 2);
      EXPECT_LE(delay, absl::Milliseconds(span_ms));
    }
  }
}

TEST(BackoffTest, FirstDelayIsBounded) {
  Backoff backoff(absl::Seconds(10), absl::Seconds(1));
  for (int i = 0; i < 10; ++i) EXPECT_LE(backoff.Next(), absl::Seconds(1));
}

TEST(BackoffTest, NeverExceedsTheBound) {
  Backoff backoff(absl::Nanoseconds(1), absl::Hours(1));
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration delay = backoff.Next();
    EXPECT_LE(delay, absl::Hours(1));
    EXPECT_GE(delay, absl::ZeroDuration());
    if (i > 60) {
      EXPECT_GE(delay, absl::Minutes(30));
    }
  }
}

TEST(BackoffTest, TwoLoopsHaveDifferentDelays) {
  std::set<absl::Duration> delays;
  for (int i = 0; i < 50; ++i) {
    delays.insert(Backoff(absl::Seconds(1), absl::Seconds(1)).Next());
  }
  EXPECT_GT(delays.size(), 10u);
}

}  // namespace
}  // namespace syncline

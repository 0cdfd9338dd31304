#include "base/line_limiter.h"

#include <gtest/gtest.h>

namespace syncline {
namespace {

TEST(LineLimiterTest, AllowsAFewAndCountsTheRest) {
  LineLimiter limiter(2, absl::Seconds(10));
  const absl::Time start = absl::FromUnixSeconds(1000);
  EXPECT_EQ(limiter.Take(start), 0);
  EXPECT_EQ(limiter.Take(start + absl::Seconds(1)), 0);
  EXPECT_EQ(limiter.Take(start + absl::Seconds(2)), std::nullopt);
  EXPECT_EQ(limiter.Take(start + absl::Seconds(9)), std::nullopt);
  EXPECT_EQ(limiter.Take(start + absl::Seconds(10)), 2)
      << "the first line of a window has the count";
  EXPECT_EQ(limiter.Take(start + absl::Seconds(10)), 0);
  EXPECT_EQ(limiter.Take(start + absl::Seconds(11)), std::nullopt);
}

TEST(LineLimitersTest, LimitsEachKeyByItself) {
  LineLimiters limiters(1, absl::Seconds(10));
  const absl::Time start = absl::FromUnixSeconds(1000);
  EXPECT_EQ(limiters.Take("a", start), 0);
  EXPECT_EQ(limiters.Take("a", start), std::nullopt);
  EXPECT_EQ(limiters.Take("b", start), 0);
  EXPECT_EQ(limiters.Take("a", start + absl::Seconds(10)), 1);
  EXPECT_EQ(limiters.Take("b", start + absl::Seconds(10)), 0);
}

}  // namespace
}  // namespace syncline

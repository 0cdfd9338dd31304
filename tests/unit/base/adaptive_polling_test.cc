#include "base/adaptive_polling.h"

#include <gtest/gtest.h>
#include <sched.h>

namespace syncline {
namespace {

TEST(AdaptivePollingTest, PollsUntilItIsInVain) {
  AdaptivePolling polling(/*enabled=*/true);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(polling.MayPoll());
  for (int vain = 0; vain < 3; ++vain) {
    polling.NoteVainPoll();
    for (int i = 0; i < AdaptivePolling::kSleeps; ++i) EXPECT_FALSE(polling.MayPoll()) << i;
    EXPECT_TRUE(polling.MayPoll());
  }
}

TEST(AdaptivePollingTest, NeverPollsIfDisabled) {
  AdaptivePolling polling(/*enabled=*/false);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(polling.MayPoll());
}

TEST(AdaptivePollingTest, NeedsTwoProcessors) {
  cpu_set_t usable;
  ASSERT_EQ(sched_getaffinity(0, sizeof(usable), &usable), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &usable)) CPU_SET(cpu, &one);
  }
  EXPECT_EQ(AdaptivePolling().MayPoll(), CPU_COUNT(&usable) > 1);
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_FALSE(AdaptivePolling().MayPoll());
  ASSERT_EQ(sched_setaffinity(0, sizeof(usable), &usable), 0);
}

}  // namespace
}  // namespace syncline

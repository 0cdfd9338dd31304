#include "base/delayed_tasks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;

TEST(DelayedTasksTest, RunsDueTasksInTheirOrder) {
  DelayedTasks tasks;
  std::vector<int> ran;
  tasks.Add(absl::Hours(1), [&] { ran.push_back(3); });
  tasks.Add(absl::Milliseconds(5), [&] { ran.push_back(2); });
  tasks.Add(absl::ZeroDuration(), [&] { ran.push_back(1); });
  tasks.RunDue();
  EXPECT_THAT(ran, ElementsAre(1));
  absl::SleepFor(absl::Milliseconds(6));
  tasks.RunDue();
  tasks.RunDue();
  EXPECT_THAT(ran, ElementsAre(1, 2));
}

TEST(DelayedTasksTest, TaskMayAddTasks) {
  DelayedTasks tasks;
  int ran = 0;
  tasks.Add(absl::ZeroDuration(), [&] {
    ++ran;
    tasks.Add(absl::ZeroDuration(), [&] { ++ran; });
  });
  tasks.RunDue();
  EXPECT_EQ(ran, 1);
  tasks.RunDue();
  EXPECT_EQ(ran, 2);
}

TEST(DelayedTasksTest, StopDropsTasks) {
  DelayedTasks tasks;
  const auto held = std::make_shared<int>(0);
  tasks.Add(absl::Hours(1), [held] {});
  EXPECT_EQ(held.use_count(), 2);
  tasks.Stop();
  EXPECT_EQ(held.use_count(), 1);
  tasks.Add(absl::ZeroDuration(), [held] { FAIL(); });
  tasks.RunDue();
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace syncline

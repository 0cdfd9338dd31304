#include "server/sync/running_work.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/error.h"
#include "base/interruption.h"
#include "base/reasons.h"

namespace syncline::sync {
namespace {

using Kind = RunningWork::Kind;

TEST(RunningWorkTest, StartsASyncOnceAtATime) {
  RunningWork running;
  {
    const RunningWork::Work first(&running, "sync", Kind::kStart);
    EXPECT_TRUE(first.admitted().ok());
    const RunningWork::Work second(&running, "sync", Kind::kStart);
    EXPECT_EQ(GetReason(second.admitted()), reason::kStartInProgress);
    const RunningWork::Work other(&running, "other", Kind::kStart);
    EXPECT_TRUE(other.admitted().ok());
    const RunningWork::Work completion(&running, "sync", Kind::kCompletion);
    EXPECT_TRUE(completion.admitted().ok());
  }
  const RunningWork::Work again(&running, "sync", Kind::kStart);
  EXPECT_TRUE(again.admitted().ok());
}

TEST(RunningWorkTest, InterruptsTheWorkOfOneSync) {
  RunningWork running;
  const auto of_the_call = std::make_shared<Interruption>();
  const Interruption::Scope scope(of_the_call);
  {
    const RunningWork::Work work(&running, "sync", Kind::kCompletion);
    EXPECT_EQ(Interruption::Current(), of_the_call);
    running.Interrupt("other", absl::CancelledError("cancelled"));
    EXPECT_TRUE(Interruption::Check().ok());
    running.Interrupt("sync", absl::CancelledError("cancelled"));
  }
  EXPECT_EQ(Interruption::Check(), absl::CancelledError("cancelled"));
}

TEST(RunningWorkTest, GivesAThreadWithoutAnInterruptionOne) {
  RunningWork running;
  {
    const RunningWork::Work work(&running, "sync", Kind::kStart);
    running.Interrupt("sync", absl::CancelledError("cancelled"));
    EXPECT_FALSE(Interruption::Check().ok());
  }
  EXPECT_EQ(Interruption::Current(), nullptr);
}

}  // namespace
}  // namespace syncline::sync

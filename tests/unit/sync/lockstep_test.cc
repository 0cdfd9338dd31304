#include "server/sync/lockstep.h"

#include <gtest/gtest.h>

namespace syncline::sync {
namespace {

constexpr absl::Time kStart = absl::UnixEpoch();
constexpr absl::Duration kTurn = absl::Milliseconds(1);

class LockstepTest : public ::testing::Test {
 protected:
  // Messages that were sent after the answer to the one before.
  void SendInStep(int messages) {
    for (int i = 0; i < messages; ++i) lockstep_.OnMessage(/*durable=*/true, now_ += kTurn);
  }

  Lockstep lockstep_;
  absl::Time now_ = kStart;
};

TEST_F(LockstepTest, BecomesSteadyAfterSomeMessages) {
  EXPECT_FALSE(lockstep_.steady());
  SendInStep(Lockstep::kSteadyMessages - 1);
  EXPECT_FALSE(lockstep_.steady());
  SendInStep(1);
  EXPECT_TRUE(lockstep_.steady());
  lockstep_.OnLateRead(now_);
  SendInStep(1);
  EXPECT_TRUE(lockstep_.steady());
}

TEST_F(LockstepTest, MessageBeforeTheCommitBeginsTheCountAnew) {
  SendInStep(Lockstep::kSteadyMessages);
  lockstep_.OnMessage(/*durable=*/false, now_ += kTurn);
  EXPECT_FALSE(lockstep_.steady());
  SendInStep(Lockstep::kSteadyMessages - 1);
  EXPECT_FALSE(lockstep_.steady());
  SendInStep(1);
  EXPECT_TRUE(lockstep_.steady());
}

// It was read after the commit, because the read was late, but it had arrived before.
TEST_F(LockstepTest, MessageThatTheLateReadFindsBeginsTheCountAnew) {
  SendInStep(Lockstep::kSteadyMessages);
  lockstep_.OnLateRead(now_);
  lockstep_.OnMessage(/*durable=*/true, now_ + Lockstep::kShortestTurn / 2);
  EXPECT_FALSE(lockstep_.steady());
  // The time of that read says nothing about the next message.
  SendInStep(Lockstep::kSteadyMessages);
  EXPECT_TRUE(lockstep_.steady());
}

}  // namespace
}  // namespace syncline::sync

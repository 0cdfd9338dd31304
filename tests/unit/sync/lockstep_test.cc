#include "server/sync/lockstep.h"

#include <gtest/gtest.h>

namespace syncline::sync {
namespace {

// Messages that arrive after the commit.
void SendInStep(Lockstep& lockstep, int messages) {
  for (int i = 0; i < messages; ++i) lockstep.OnMessage(/*durable=*/true);
}

TEST(LockstepTest, ReadsLateAfterSomeMessages) {
  Lockstep lockstep;
  EXPECT_FALSE(lockstep.reads_late());
  SendInStep(lockstep, Lockstep::kFirstMessages - 1);
  EXPECT_FALSE(lockstep.reads_late());
  SendInStep(lockstep, 1);
  EXPECT_TRUE(lockstep.reads_late());
}

TEST(LockstepTest, MessageBeforeTheCommitBeginsTheCountAnew) {
  Lockstep lockstep;
  SendInStep(lockstep, Lockstep::kFirstMessages);
  lockstep.OnMessage(/*durable=*/false);
  EXPECT_FALSE(lockstep.reads_late());
  SendInStep(lockstep, Lockstep::kFirstMessages - 1);
  EXPECT_FALSE(lockstep.reads_late());
  SendInStep(lockstep, 1);
  EXPECT_TRUE(lockstep.reads_late());
}

TEST(LockstepTest, SomeReadsAreEarly) {
  Lockstep lockstep;
  SendInStep(lockstep, Lockstep::kFirstMessages);
  int early = 0;
  for (int i = 0; i < 10 * Lockstep::kProbeEvery; ++i) {
    if (!lockstep.reads_late()) ++early;
    SendInStep(lockstep, 1);
  }
  EXPECT_EQ(early, 10);
}

}  // namespace
}  // namespace syncline::sync

#include "server/sync/pending_checkpoints.h"

#include <gtest/gtest.h>

#include <vector>

namespace syncline::sync {
namespace {

std::vector<CheckpointPosition> Positions() { return {{{"", "t"}, "w", 5}}; }

TEST(PendingCheckpointsTest, NamesTheNewestThatWasRemovedAfterAllEarlierOnes) {
  PendingCheckpoints pending;
  EXPECT_EQ(pending.last_removed_id(), "");
  pending.Add("a", "", {}, 10);
  pending.Add("b", "", {}, 20);
  pending.Add("all", "", Positions(), 20);
  pending.Add("c", "", {}, 30);
  // The one that covers several writers does not wait for records.
  pending.Remove(pending.CopyDue(10));
  EXPECT_EQ(pending.last_removed_id(), "a");
  pending.Remove(pending.CopyDue(20));
  EXPECT_EQ(pending.last_removed_id(), "all");
  // Two lanes may have written the same one.
  const std::vector<PendingCheckpoint> due = pending.CopyDue(30);
  pending.Remove(due);
  pending.Remove(due);
  EXPECT_EQ(pending.last_removed_id(), "c");
  EXPECT_EQ(pending.bytes(), 0);
}

}  // namespace
}  // namespace syncline::sync

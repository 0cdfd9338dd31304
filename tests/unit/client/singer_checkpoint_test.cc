// When a checkpoint of several streams counts as committed.
#include <gtest/gtest.h>

#include "client/singer/checkpoint_progress.h"

namespace syncline::client {
namespace {

TEST(CheckpointProgressTest, NeedsTheLedgerAndTheRecordsOfAllStreams) {
  CheckpointProgress progress;
  progress.Sending(1, /*sender=*/0, {{0, 5}, {1, 2}});
  EXPECT_EQ(progress.Durable(0, 5), 0);
  EXPECT_EQ(progress.Stored(0, 1), 0);  // the records of the other stream are not durable
  EXPECT_EQ(progress.Durable(1, 1), 0);
  EXPECT_EQ(progress.Durable(1, 2), 1);
  progress.Sending(2, /*sender=*/1, {{0, 5}, {1, 3}});
  EXPECT_EQ(progress.Durable(1, 3), 1);  // it may not be in the ledger
  EXPECT_EQ(progress.Stored(1, 2), 2);
}

TEST(CheckpointProgressTest, CallsStoreTheirOwnCheckpointsOnly) {
  CheckpointProgress progress;
  progress.Sending(1, /*sender=*/0, {{0, 1}});
  progress.Sending(2, /*sender=*/1, {{0, 1}, {1, 1}});
  progress.Sending(3, /*sender=*/0, {{0, 2}, {1, 1}});
  progress.Durable(0, 2);
  progress.Durable(1, 1);
  EXPECT_EQ(progress.Stored(0, 1), 1);
  EXPECT_EQ(progress.Stored(0, 2), 1);  // the second one was sent on another call
  EXPECT_EQ(progress.Stored(0, 3), 3);
}

TEST(CheckpointProgressTest, OneStandsForAllEarlierOnes) {
  CheckpointProgress progress;
  progress.Sending(1, /*sender=*/0, {{0, 1}});
  progress.Sending(2, /*sender=*/1, {{0, 1}, {1, 4}});
  EXPECT_EQ(progress.Durable(0, 1), 0);
  EXPECT_EQ(progress.Stored(1, 2), 0);
  EXPECT_EQ(progress.Durable(1, 9), 2);
  EXPECT_EQ(progress.Stored(0, 1), 2);  // reported late
  EXPECT_EQ(progress.Durable(0, 0), 2);
}

}  // namespace
}  // namespace syncline::client

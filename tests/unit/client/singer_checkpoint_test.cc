// When a checkpoint of several streams counts as committed, and which STATEs wait for it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "client/singer/checkpoint_progress.h"
#include "client/singer/state_queue.h"

namespace syncline::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(StateQueueTest, HoldsOneStatePerCheckpoint) {
  std::vector<std::string> emitted;
  StateQueue states([&](const std::string& state) { emitted.push_back(state); }, /*hold=*/false);
  states.Add("1a", 1);
  states.Add("1b", 1);
  EXPECT_EQ(states.pending(), 1);
  states.Add("2a", 2);
  states.Add("2b", 2);
  EXPECT_EQ(states.pending(), 2);
  states.Committed(1);
  EXPECT_THAT(emitted, ElementsAre("1b"));
  states.Committed(2);
  EXPECT_THAT(emitted, ElementsAre("1b", "2b"));
}

TEST(StateQueueTest, HoldsTheNewestStateOfAnOverwrite) {
  std::vector<std::string> emitted;
  StateQueue states([&](const std::string& state) { emitted.push_back(state); }, /*hold=*/true);
  for (int i = 1; i <= 9; ++i) states.Add(std::to_string(i), i);
  states.Committed(5);
  EXPECT_EQ(states.pending(), 1);
  EXPECT_THAT(emitted, IsEmpty());
  states.CommitAll();
  EXPECT_THAT(emitted, ElementsAre("9"));
}

TEST(CheckpointProgressTest, NeedsTheLedgerAndTheRecordsOfAllStreams) {
  CheckpointProgress progress;
  progress.Sending(1, /*sender=*/0, {{0, 5}, {1, 2}});
  EXPECT_EQ(progress.Durable(0, 5), 0);
  EXPECT_EQ(progress.Stored(0, 1), 0);  // the records of the other stream are not durable
  EXPECT_EQ(progress.Durable(1, 1), 0);
  EXPECT_EQ(progress.Durable(1, 2), 1);
  EXPECT_FALSE(progress.HasUncommitted());
  progress.Sending(2, /*sender=*/1, {{0, 5}, {1, 3}});
  EXPECT_EQ(progress.Durable(1, 3), 1);  // it may not be in the ledger
  EXPECT_TRUE(progress.HasUncommitted());
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

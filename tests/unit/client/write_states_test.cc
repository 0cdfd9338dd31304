// The STATE messages of a `syncline write` session: which checkpoints are sent for them, and that
// each is printed in order, once, and only after its records and a checkpoint are durable.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/client/write_session_fixture.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr int64_t kLargeBatch = int64_t{1} << 20;

class WriteStatesTest : public WriteSessionTest {
 protected:
  // Ends no stream, so that the next run of the sync id loads into all of them.
  void Reopen() {
    for (const char* name : {"a", "b"}) {
      FakeSyncService::Stream stream = server_.service.stream(name);
      stream.ended = v1::STREAM_STATUS_UNSPECIFIED;
      server_.service.Preset(name, stream);
    }
    states_.clear();
  }
};

// Returns `count` records of stream a, each with a state after it, and adds the lines that should
// be printed to `states`.
std::vector<std::string> StateAfterEachRecord(int count, std::vector<std::string>* states) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i) {
    lines.push_back(Record("a", i));
    lines.push_back(StreamState("a", i));
    states->push_back(Counted(lines.back(), 1));
  }
  return lines;
}

TEST_F(WriteStatesTest, ManyStatesOfABatchNeedFewCheckpoints) {
  server_.service.recommended_batch_bytes = kLargeBatch;
  std::vector<std::string> states;
  const WriteReport report = Run(StateAfterEachRecord(10000, &states));
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(states_, states);
  EXPECT_EQ(report.withheld_states, 0);
  EXPECT_GE(server_.service.checkpoints(), 1u);
  EXPECT_LE(server_.service.checkpoints(), 100u);
  EXPECT_EQ(server_.service.checkpoint_offset("a"), 10000);
}

TEST_F(WriteStatesTest, ManyStatesOfAllStreamsNeedFewCheckpoints) {
  server_.service.recommended_batch_bytes = kLargeBatch;
  std::vector<std::string> lines;
  std::vector<std::string> states;
  for (int i = 0; i < 5000; ++i) {
    lines.push_back(Record("a", i));
    if (i % 2 == 0) lines.push_back(Record("b", i));
    lines.push_back(GlobalState(i));
    states.push_back(Counted(lines.back(), i % 2 == 0 ? 2 : 1));
  }
  const WriteReport report = Run(lines);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(states_, states);
  EXPECT_EQ(report.withheld_states, 0);
  EXPECT_LE(server_.service.checkpoints(), 100u);
}

// The rows after the last state are sent again by the next sync, so no checkpoint may cover them.
TEST_F(WriteStatesTest, CheckpointIsAtTheLastStateOfABatch) {
  server_.service.recommended_batch_bytes = kLargeBatch;
  std::vector<std::string> states;
  std::vector<std::string> lines = StateAfterEachRecord(3, &states);
  lines.push_back(Record("a", 3));
  lines.push_back(Record("a", 4));
  ASSERT_TRUE(Run(lines).status.ok());
  EXPECT_EQ(states_, states);
  EXPECT_EQ(server_.service.checkpoint_offset("a"), 3);
  EXPECT_EQ(server_.service.checkpoints(), 1u);
  EXPECT_THAT(server_.service.stream("a").committed, SizeIs(5));
}

TEST_F(WriteStatesTest, StateRightBeforeTheEndIsPrinted) {
  server_.service.recommended_batch_bytes = kLargeBatch;
  options_.resumable = true;
  std::vector<std::string> states;
  std::vector<std::string> lines = StateAfterEachRecord(3, &states);
  // The stream does not complete, so that only a checkpoint can release the last state.
  lines.push_back("not a message");
  EXPECT_FALSE(Run(lines).status.ok());
  EXPECT_EQ(states_, states);
  EXPECT_EQ(server_.service.checkpoint_offset("a"), 3);

  server_.service.Preset("a", {});
  states_.clear();
  EXPECT_FALSE(Run({Record("a", 1), Record("b", 1), GlobalState(1), "not a message"}).status.ok());
  EXPECT_THAT(states_, ElementsAre(Counted(GlobalState(1), 2)));
}

// The call of the first run breaks after its third batch is committed and before the checkpoint
// that follows it.
TEST_F(WriteStatesTest, RunAfterACrashBetweenTwoCheckpoints) {
  options_.resumable = true;
  server_.service.failures_of["a"] = {
      {3, true, ErrorWithReason(grpc::StatusCode::FAILED_PRECONDITION, "SCHEMA_CHANGED")}};
  size_t covered = 0;
  on_state_ = [&] {
    EXPECT_GE(server_.service.stream("a").committed.size(), states_.size());
    if (server_.service.stream("a").ended == v1::STREAM_STATUS_UNSPECIFIED &&
        server_.service.checkpoint_offset("a") >= static_cast<int64_t>(states_.size())) {
      ++covered;
    }
  };
  std::vector<std::string> states;
  const std::vector<std::string> lines = StateAfterEachRecord(20, &states);
  EXPECT_THAT(Run(lines).failures, SizeIs(1));
  const size_t durable = server_.service.stream("a").committed.size();
  const auto checkpoint = static_cast<size_t>(server_.service.checkpoint_offset("a"));
  EXPECT_LT(checkpoint, durable);
  ASSERT_LE(states_.size(), checkpoint);
  EXPECT_TRUE(std::equal(states_.begin(), states_.end(), states.begin()));
  EXPECT_EQ(covered, states_.size());

  Reopen();
  const WriteReport report = Run(lines);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(states_, states);
  EXPECT_THAT(server_.service.stream("a").committed, SizeIs(20));
}

TEST_F(WriteStatesTest, StatesBeforeAnEarlierGlobalCheckpointNeedNoNewOne) {
  options_.resumable = true;
  std::vector<std::string> lines;
  std::vector<std::string> states;
  for (int i = 0; i < 10; ++i) {
    lines.push_back(Record("a", i));
    lines.push_back(Record("b", i));
    lines.push_back(GlobalState(i));
    states.push_back(Counted(lines.back(), 2));
  }
  ASSERT_TRUE(Run(lines).status.ok());
  EXPECT_EQ(states_, states);
  const size_t checkpoints = server_.service.checkpoints();
  EXPECT_LT(checkpoints, states.size());
  Reopen();
  ASSERT_TRUE(Run(lines).status.ok());
  EXPECT_EQ(states_, states);
  EXPECT_EQ(server_.service.checkpoints(), checkpoints);
}

TEST_F(WriteStatesTest, MixedStatesKeepTheirOrder) {
  server_.service.recommended_batch_bytes = kLargeBatch;
  const WriteReport report =
      Run({Record("a", 1), StreamState("a", 1), Record("a", 2), StreamState("a", 2), Record("b", 1),
           GlobalState(1), Record("a", 3), StreamState("a", 3), GlobalState(2), Record("b", 2)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(states_, ElementsAre(Counted(StreamState("a", 1), 1), Counted(StreamState("a", 2), 1),
                                   Counted(GlobalState(1), 1), Counted(StreamState("a", 3), 1),
                                   Counted(GlobalState(2), 0)));
  EXPECT_EQ(server_.service.checkpoint_offset("a"), 2);
  EXPECT_EQ(server_.service.checkpoints(), 2u);  // the newest of stream a, and of all streams
}

}  // namespace
}  // namespace syncline::client

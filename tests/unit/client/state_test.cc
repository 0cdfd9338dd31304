// STATE messages: what they cover, how the count is added to them, and when they are printed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "client/airbyte/messages.h"
#include "client/airbyte/spec.h"
#include "client/airbyte/state_tracker.h"
#include "client/json_text.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(StateMessageTest, ReturnsTheStreamsOfAState) {
  EXPECT_EQ(ReadState(R"({"type":"STATE","state":{"data":{"a":1}}})")->kind, StateKind::kLegacy);
  EXPECT_EQ(ReadState(R"({"type":"STATE","state":{"type":"GLOBAL","global":{}}})")->kind,
            StateKind::kGlobal);
  const auto stream =
      ReadState(R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":)"
                R"({"name":"us\u0065rs","namespace":"shop"},"stream_state":{"cursor":5}}}})");
  EXPECT_EQ(stream->kind, StateKind::kStream);
  EXPECT_EQ(stream->name, "users");
  EXPECT_EQ(stream->name_space, "shop");
  EXPECT_FALSE(ReadState(R"({"type":"STATE"})").has_value());
  EXPECT_FALSE(ReadState(R"({"type":"STATE","state":{"type":"STREAM"}})").has_value());
}

TEST(StateMessageTest, DetectsStatesThatCannotResume) {
  const auto of_stream = [](const std::string& body) {
    return absl::StrCat(
        R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"})",
        body, "}}}");
  };
  for (const char* body : {"", R"(,"stream_state":null)", R"(,"stream_state":{})",
                           R"(,"stream_state":{"__ab_no_cursor_state_message":true})"}) {
    EXPECT_TRUE(ReadState(of_stream(body))->empty) << body;
  }
  EXPECT_FALSE(ReadState(of_stream(R"(,"stream_state":{"c":null})"))->empty);
  EXPECT_FALSE(ReadState(of_stream(R"(,"stream_state":[1])"))->empty);
  EXPECT_TRUE(ReadState(R"({"type":"STATE","state":{"data":{}}})")->empty);
  EXPECT_TRUE(ReadState(R"({"type":"STATE","state":{}})")->empty);
  EXPECT_FALSE(ReadState(R"({"type":"STATE","state":{"data":{"a":{}}}})")->empty);
  const auto global = [](const std::string& members) {
    return absl::StrCat(R"({"type":"STATE","state":{"type":"GLOBAL","global":{)", members, "}}}");
  };
  EXPECT_TRUE(ReadState(global(""))->empty);
  EXPECT_TRUE(
      ReadState(global(R"("shared_state":{},"stream_states":[{"stream_state":{}}])"))->empty);
  EXPECT_FALSE(ReadState(global(R"("shared_state":{"lsn":1})"))->empty);
  EXPECT_FALSE(
      ReadState(global(R"("stream_states":[{"stream_state":{}},{"stream_state":{"a":1}}])"))
          ->empty);
}

TEST(StateMessageTest, AppendsTheCountAndKeepsOtherBytes) {
  const std::string head =
      R"({ "type":"STATE", "state" : {"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},)"
      R"("stream_state":{"n":1.50e+3,"s":"\u00e4 \"}]"}},"sourceStats":{"recordCount":7.0})";
  EXPECT_EQ(WithDestinationStats(head + " } }", 12),
            head + R"(,"destinationStats":{"recordCount":12.0} } })");
  EXPECT_EQ(WithDestinationStats(R"({"type":"STATE","state":{ }})", 0),
            R"({"type":"STATE","state":{"destinationStats":{"recordCount":0.0} }})");
}

TEST(StateMessageTest, ReplacesAnOlderCount) {
  EXPECT_EQ(
      WithDestinationStats(
          R"({"type":"STATE","state":{"destinationStats": {"recordCount": 1},"data":{}}})", 3),
      R"({"type":"STATE","state":{"destinationStats": {"recordCount":3.0},"data":{}}})");
}

TEST(TraceMessageTest, ReadsStreamStatuses) {
  const auto complete = ReadTrace(
      R"({"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"status":"COMPLETE",)"
      R"("stream_descriptor":{"name":"users","namespace":null}}}})");
  EXPECT_EQ(complete->kind, TraceKind::kComplete);
  EXPECT_EQ(complete->name, "users");
  EXPECT_EQ(complete->name_space, "");
  EXPECT_EQ(ReadTrace(R"({"type":"TRACE","trace":{"type":"ERROR","error":{}}})")->kind,
            TraceKind::kError);
  EXPECT_EQ(ReadTrace(R"({"type":"TRACE","trace":{"type":"ESTIMATE"}})")->kind, TraceKind::kOther);
}

TEST(OwnMessagesTest, AreSingleLinesOfJson) {
  for (const std::string& line :
       {SpecMessage(), ConnectionStatusMessage(false, "no \"way\"\n"),
        TraceErrorMessage("broke\tdown", FailureType::kTransient, 1700000000000),
        TraceErrorMessage("broke", FailureType::kSystem, 1, StreamName{"n\"s", "a"}),
        LogMessage(true, "3 \"values\"\n")}) {
    EXPECT_TRUE(ParseJson(line).has_value()) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
  EXPECT_EQ(ConnectionStatusMessage(true, ""),
            R"({"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}})");
}

class StateTrackerTest : public testing::Test {
 protected:
  // Commits rows up to `offset`, and a checkpoint after them.
  void Commit(int lane, int64_t offset) {
    tracker_.Durable(lane, offset);
    tracker_.Checkpointed(lane, offset);
  }

  std::vector<std::string> out_;
  StateTracker tracker_{3, [this](const std::string& line) { out_.push_back(line); }};
};

TEST_F(StateTrackerTest, KeepsTheOrderWithinEachStream) {
  tracker_.Add("a1", 0, {{0, 10}});
  tracker_.Add("b1", 1, {{1, 10}});
  tracker_.Add("a2", 0, {{0, 20}});
  Commit(1, 10);
  EXPECT_THAT(out_, ElementsAre("b1"));
  Commit(0, 20);  // also commits the state before it
  EXPECT_THAT(out_, ElementsAre("b1", "a1", "a2"));
  EXPECT_EQ(tracker_.pending(), 0);
}

TEST_F(StateTrackerTest, GlobalStateWaitsForEveryStream) {
  tracker_.Add("global", -1, {{0, 10}, {2, 5}});
  tracker_.Add("b1", 1, {});  // has no requirements, but must not overtake
  Commit(0, 10);
  EXPECT_THAT(out_, IsEmpty());
  Commit(2, 5);
  EXPECT_THAT(out_, ElementsAre("global", "b1"));
}

TEST_F(StateTrackerTest, GlobalStateDoesNotOvertakeStreamStates) {
  tracker_.Add("a1", 0, {{0, 10}});
  tracker_.Add("global", -1, {});
  EXPECT_THAT(out_, IsEmpty());
  Commit(0, 10);
  EXPECT_THAT(out_, ElementsAre("a1", "global"));
}

TEST_F(StateTrackerTest, RowsReleaseOnlyStatesWithoutCheckpoint) {
  tracker_.Add("a1", 0, {{0, 10, /*checkpoint=*/false}});
  tracker_.Add("a2", 0, {{0, 20}});
  tracker_.Durable(0, 20);
  EXPECT_THAT(out_, ElementsAre("a1"));
  tracker_.Checkpointed(0, 19);
  EXPECT_THAT(out_, ElementsAre("a1"));
  tracker_.Checkpointed(0, 20);
  EXPECT_THAT(out_, ElementsAre("a1", "a2"));
}

TEST_F(StateTrackerTest, CheckpointWithoutItsRowsReleasesNothing) {
  tracker_.Add("global", -1, {{0, 10}, {1, 10}});
  tracker_.Checkpointed(0, 10);
  tracker_.Checkpointed(1, 10);
  tracker_.Durable(0, 10);
  EXPECT_THAT(out_, IsEmpty());
  tracker_.Durable(1, 10);
  EXPECT_THAT(out_, ElementsAre("global"));
}

// An earlier state of all streams must not rely on a later checkpoint that is not committed.
TEST_F(StateTrackerTest, CheckpointOfSeveralStreamsCountsOnceAllRowsBeforeItAreDurable) {
  tracker_.Add("global1", -1, {{0, 10}, {1, 10}});
  tracker_.Add("global2", -1, {{0, 20}, {1, 10}});
  tracker_.Stored({{0, 20}, {1, 10}});
  tracker_.Durable(0, 10);
  tracker_.Durable(1, 10);
  EXPECT_THAT(out_, IsEmpty());
  tracker_.Durable(0, 20);
  EXPECT_THAT(out_, ElementsAre("global1", "global2"));
}

TEST_F(StateTrackerTest, StoredCheckpointsMayArriveInAnyOrder) {
  tracker_.Add("global1", -1, {{0, 10}, {1, 10}});
  tracker_.Add("global2", -1, {{0, 20}, {1, 10}});
  tracker_.Stored({{0, 20}, {1, 10}});
  tracker_.Stored({{0, 10}, {1, 10}});
  tracker_.Durable(0, 10);
  tracker_.Durable(1, 10);
  EXPECT_THAT(out_, ElementsAre("global1"));
  tracker_.Durable(0, 20);
  EXPECT_THAT(out_, ElementsAre("global1", "global2"));
}

TEST_F(StateTrackerTest, CompletedStreamReleasesItsStates) {
  tracker_.Add("a1", 0, {{0, 10}});
  tracker_.Completed(0);
  EXPECT_THAT(out_, ElementsAre("a1"));
}

TEST_F(StateTrackerTest, StateWithoutRecordsIsReleased) {
  tracker_.Add("a0", 0, {{0, 0}});
  EXPECT_THAT(out_, ElementsAre("a0"));
}

// Adds states at random places of random streams and confirms them in random order. After each
// step, the states that were released are those that a direct implementation of the rules allows.
TEST(StateTrackerRandomTest, FollowsTheRulesOnRandomSchedules) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  const auto below = [&random](int64_t limit) {
    return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
  };
  constexpr int kLanes = 4;
  for (int round = 0; round < 400; ++round) {
    struct State {
      int lane;
      std::vector<StateTracker::Requirement> requirements;
      bool out = false;
    };
    std::vector<State> states;
    std::array<int64_t, kLanes> seen = {};
    std::array<int64_t, kLanes> durable = {};
    std::array<int64_t, kLanes> checkpoint = {};
    std::vector<std::string> out;
    StateTracker tracker(kLanes, [&out](const std::string& line) { out.push_back(line); });
    for (int step = 0; step < 60; ++step) {
      const int lane = static_cast<int>(random() % kLanes);
      const auto at = static_cast<size_t>(lane);
      switch (random() % 4) {
        case 0:
          seen[at] += random() % 5;
          break;
        case 1: {
          State state{random() % 4 == 0 ? -1 : lane, {}};
          const bool needs_checkpoint = random() % 5 != 0;
          for (int one = 0; one < kLanes; ++one) {
            if (state.lane >= 0 && one != state.lane) continue;
            state.requirements.push_back({one, seen[static_cast<size_t>(one)], needs_checkpoint});
          }
          states.push_back(state);
          tracker.Add(absl::StrCat(states.size() - 1), state.lane, state.requirements);
          break;
        }
        case 2:
          durable[at] = std::max(durable[at], below(seen[at] + 1));
          tracker.Durable(lane, durable[at]);
          break;
        default:
          checkpoint[at] = std::max(checkpoint[at], below(seen[at] + 1));
          tracker.Checkpointed(lane, checkpoint[at]);
      }
      std::set<std::string> expected;
      for (size_t i = 0; i < states.size(); ++i) {
        bool may = true;
        for (const auto& requirement : states[i].requirements) {
          const auto one = static_cast<size_t>(requirement.lane);
          may = may && durable[one] >= requirement.offset &&
                (!requirement.checkpoint || checkpoint[one] >= requirement.offset);
        }
        for (size_t before = 0; before < i; ++before) {
          const bool shares = states[before].lane < 0 || states[i].lane < 0 ||
                              states[before].lane == states[i].lane;
          if (shares && !states[before].out) may = false;
        }
        states[i].out = states[i].out || may;
        if (states[i].out) expected.insert(absl::StrCat(i));
      }
      ASSERT_EQ(std::set<std::string>(out.begin(), out.end()), expected);
      ASSERT_EQ(out.size(), expected.size());
    }
  }
}

TEST(StateTrackerCostTest, CostPerWaitingStateIsSmall) {
  int64_t out = 0;
  StateTracker tracker(2, [&out](const std::string&) { ++out; });
  constexpr int64_t kStates = 50000;
  for (int64_t i = 1; i <= kStates; ++i)
    tracker.Add("s", static_cast<int>(i % 2), {{static_cast<int>(i % 2), i}});
  for (int64_t i = 1; i <= kStates; ++i) {
    tracker.Durable(static_cast<int>(i % 2), i);
    tracker.Checkpointed(static_cast<int>(i % 2), i);
  }
  EXPECT_EQ(out, kStates);
}

}  // namespace
}  // namespace syncline::client

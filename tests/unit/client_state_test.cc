// STATE messages: what they cover, how the count gets into them, and when they come out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/airbyte/config.h"
#include "client/airbyte/messages.h"
#include "client/airbyte/state_tracker.h"
#include "client/json_text.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(StateMessageTest, TellsWhatAStateCovers) {
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

TEST(StateMessageTest, PutsTheCountBehindTheLastMemberAndLeavesEveryOtherByte) {
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

TEST(OwnMessagesTest, AreOneLineOfJsonEach) {
  for (const std::string& line :
       {SpecMessage(), ConnectionStatusMessage(false, "no \"way\"\n"),
        TraceErrorMessage("broke\tdown", FailureType::kTransient, 1700000000000)}) {
    EXPECT_TRUE(ParseJson(line).has_value()) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
  }
  EXPECT_EQ(ConnectionStatusMessage(true, ""),
            R"({"type":"CONNECTION_STATUS","connectionStatus":{"status":"SUCCEEDED"}})");
}

class StateTrackerTest : public testing::Test {
 protected:
  std::vector<std::string> out_;
  StateTracker tracker_{3, [this](const std::string& line) { out_.push_back(line); }};
};

TEST_F(StateTrackerTest, KeepsTheOrderWithinAStreamAndNotBetweenThem) {
  tracker_.Add("a1", 0, {{0, 10, 1}});
  tracker_.Add("b1", 1, {{1, 10, 2}});
  tracker_.Add("a2", 0, {{0, 20, 3}});
  tracker_.CheckpointCommitted(1, 2);
  EXPECT_THAT(out_, ElementsAre("b1"));
  tracker_.CheckpointCommitted(0, 3);  // and so is the one before it
  EXPECT_THAT(out_, ElementsAre("b1", "a1", "a2"));
  EXPECT_EQ(tracker_.pending(), 0);
}

TEST_F(StateTrackerTest, HoldsAGlobalStateUntilEveryStreamIsCommitted) {
  tracker_.Add("global", -1, {{0, 10, 1}, {2, 5, 1}});
  tracker_.Add("b1", 1, {});  // needs nothing, but must not overtake
  tracker_.CheckpointCommitted(0, 1);
  EXPECT_THAT(out_, IsEmpty());
  tracker_.CheckpointCommitted(2, 1);
  EXPECT_THAT(out_, ElementsAre("global", "b1"));
}

TEST_F(StateTrackerTest, AGlobalStateDoesNotOvertakeAStreamsOwn) {
  tracker_.Add("a1", 0, {{0, 10, 1}});
  tracker_.Add("global", -1, {});
  EXPECT_THAT(out_, IsEmpty());
  tracker_.CheckpointCommitted(0, 1);
  EXPECT_THAT(out_, ElementsAre("a1", "global"));
}

TEST_F(StateTrackerTest, AnAnsweredCallCoversItsStates) {
  tracker_.Add("a1", 0, {{0, 10, 1}});
  tracker_.Add("a2", 0, {{0, 11, 2}});
  tracker_.Drained(0, 10);
  EXPECT_THAT(out_, ElementsAre("a1"));
  tracker_.Drained(0, 11);
  EXPECT_THAT(out_, ElementsAre("a1", "a2"));
}

TEST_F(StateTrackerTest, AStateOfNoRecordsNeedsNothing) {
  tracker_.Add("a0", 0, {{0, 0, 1}});
  EXPECT_THAT(out_, ElementsAre("a0"));
}

absl::StatusOr<Catalog> OneStream(const std::string& members) {
  return ReadCatalog(R"({"streams":[{"stream":{"name":"users","json_schema":{"properties":{}}},)" +
                         members + "}]}",
                     "landing");
}

TEST(CatalogTest, TakesTheModeWhenThereAreNoGenerations) {
  const auto overwrite = OneStream(R"("destination_sync_mode":"overwrite")");
  ASSERT_TRUE(overwrite.ok()) << overwrite.status();
  const v1::StreamConfig& config = overwrite->streams[0].config;
  EXPECT_TRUE(config.overwrite());
  EXPECT_EQ(config.write_mode(), v1::WRITE_MODE_APPEND);
  EXPECT_FALSE(config.has_generation_id());
  EXPECT_EQ(config.descriptor().namespace_(), "landing");
  EXPECT_EQ(overwrite->streams[0].name_space, "");
  EXPECT_EQ(config.json_schema(), R"({"properties":{}})");
}

TEST(CatalogTest, PassesGenerationsOnAsTheyAre) {
  const auto catalog = OneStream(
      R"("destination_sync_mode":"overwrite","generation_id":4,"minimum_generation_id":4,)"
      R"("sync_id":17)");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const v1::StreamConfig& config = catalog->streams[0].config;
  EXPECT_FALSE(config.overwrite());
  EXPECT_EQ(config.generation_id(), 4);
  EXPECT_EQ(config.minimum_generation_id(), 4);
  EXPECT_EQ(config.airbyte_sync_id(), 17);
  EXPECT_EQ(catalog->airbyte_sync_id, 17);
}

TEST(CatalogTest, ReadsKeysForDedup) {
  const auto catalog =
      OneStream(R"("destination_sync_mode":"append_dedup","primary_key":[["a"],["b"]],)"
                R"("cursor_field":["at"])");
  ASSERT_TRUE(catalog.ok()) << catalog.status();
  const v1::StreamConfig& config = catalog->streams[0].config;
  EXPECT_EQ(config.write_mode(), v1::WRITE_MODE_DEDUP);
  ASSERT_EQ(config.primary_key_size(), 2);
  EXPECT_EQ(config.primary_key(1).path(0), "b");
  EXPECT_EQ(config.cursor().path(0), "at");
}

TEST(CatalogTest, SaysWhatIsWrong) {
  EXPECT_THAT(std::string(OneStream(R"("destination_sync_mode":"merge")").status().message()),
              testing::HasSubstr("streams[0] users: destination_sync_mode"));
  EXPECT_FALSE(OneStream(R"("destination_sync_mode":"append","generation_id":4)").ok());
  EXPECT_FALSE(ReadCatalog("[]", "").ok());
  EXPECT_FALSE(ReadCatalog(R"({"streams":[]})", "").ok());
  EXPECT_FALSE(ReadConfig(R"({"schema":"public"})").ok());
  EXPECT_TRUE(ReadConfig(R"({"server":"a:1","tls":{}})")->connection.tls.enabled);
}

}  // namespace
}  // namespace syncline::client

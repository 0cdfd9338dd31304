// A `syncline write` session: what is sent, which states are printed, and how streams end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "client/call_error.h"
#include "tests/unit/client/write_session_fixture.h"

namespace syncline::client {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

grpc::Status Unavailable() { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"); }

// Returns the streams that the report lists as incomplete.
std::vector<std::string> GetIncompleteStreams(const WriteReport& report) {
  std::vector<std::string> titles;
  for (const WriteReport::Incomplete& stream : report.incomplete) titles.push_back(stream.title);
  return titles;
}

TEST_F(WriteSessionTest, RoutesRecordsAndPrintsStatesWithCounts) {
  const WriteReport report =
      Run({Record("a", 1), StreamState("b", 0), Record("b", 1), Record("a", 2), StreamState("a", 2),
           R"({"type":"LOG","log":{}})", Record("a", 3), StreamState("b", 1), StreamState("a", 3),
           R"({"level":"info"})"});
  ASSERT_TRUE(report.status.ok()) << report.status;
  const int64_t counts[] = {report.records, report.durable, report.ignored_messages,
                            report.foreign_lines, report.first_foreign_line};
  EXPECT_THAT(counts, ElementsAre(4, 4, 1, 1, 10));
  EXPECT_THAT(report.incomplete, IsEmpty());
  std::vector<std::string> of_a;
  std::vector<std::string> of_b;
  for (const std::string& state : states_) {
    (state.find("\"name\":\"a\"") == std::string::npos ? of_b : of_a).push_back(state);
  }
  EXPECT_THAT(of_a, ElementsAre(Counted(StreamState("a", 2), 2), Counted(StreamState("a", 3), 1)));
  EXPECT_THAT(of_b, ElementsAre(Counted(StreamState("b", 0), 0), Counted(StreamState("b", 1), 1)));
  EXPECT_THAT(server_.service.stream("a").committed,
              ElementsAre(Record("a", 1), Record("a", 2), Record("a", 3)));
  EXPECT_EQ(server_.service.stream("a").expected, 3);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_COMPLETE);
}

TEST_F(WriteSessionTest, ALastLineWithPythonsNumbersIsNotCut) {
  const std::string last = R"({"type":"RECORD","record":{"stream":"a","data":{"x":NaN}}})";
  const WriteReport report = RunText(absl::StrCat(Record("a", 1), "\n", last));
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(server_.service.stream("a").committed, ElementsAre(Record("a", 1), last));
}

TEST_F(WriteSessionTest, GlobalStateWaitsForEveryStream) {
  const WriteReport report = Run({Record("a", 1), Record("b", 1), Record("b", 2), GlobalState(1),
                                  Record("b", 3), GlobalState(2)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(states_, ElementsAre(Counted(GlobalState(1), 3), Counted(GlobalState(2), 1)));
  // At most one per global state, for any number of streams; states of one batch share one.
  EXPECT_THAT(server_.service.checkpoints(), testing::AnyOf(1u, 2u));
}

// The source waits for its first state before it sends more.
TEST_F(WriteSessionTest, StateIsPrintedWhileTheCallIsOpen) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  Catalog catalog;
  catalog.streams.emplace_back().name = "a";
  catalog.streams.back().config.mutable_descriptor()->set_name("a");
  options_.sync_id = "s";
  std::FILE* const source = fdopen(ends[1], "w");
  const auto send = [source](const std::string& line) {
    std::fputs((line + "\n").c_str(), source);
    std::fflush(source);
  };
  WriteSession session(server_.client.get(), catalog, options_, [&](const std::string& line) {
    states_.push_back(line);
    send(Record("a", 2));
    std::fclose(source);
  });
  ASSERT_TRUE(session.Start().ok());
  send(Record("a", 1));
  send(StreamState("a", 1));
  LineReader input(ends[0]);
  ProgressLine progress(false, nullptr, absl::Now());
  const WriteReport report = session.Run(&input, &progress);
  close(ends[0]);
  EXPECT_EQ(report.records, 2);
  EXPECT_EQ(server_.service.calls(), 1);
  EXPECT_THAT(states_, ElementsAre(Counted(StreamState("a", 1), 1)));
}

TEST_F(WriteSessionTest, StreamsWithoutStatusEndIncomplete) {
  const WriteReport report = Run({Status("a", "STARTED"), Record("a", 1), Status("a", "COMPLETE"),
                                  Status("b", "STARTED"), Record("b", 1), StreamState("b", 1)});
  EXPECT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(GetIncompleteStreams(report), ElementsAre("b"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_COMPLETE);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_INCOMPLETE);
  EXPECT_THAT(states_, SizeIs(1));
}

TEST_F(WriteSessionTest, SourceErrorCompletesNothing) {
  const WriteReport report =
      Run({Record("a", 1), R"({"type":"TRACE","trace":{"type":"ERROR","error":{}}})"});
  EXPECT_THAT(GetIncompleteStreams(report), ElementsAre("a", "b"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_INCOMPLETE);
}

TEST_F(WriteSessionTest, BadLineStopsAfterEarlierRecords) {
  for (const auto& [line, words] : std::vector<std::pair<std::string, std::string>>{
           {"secret value", "line 3 of the input: not an Airbyte message"},
           {Record("nobody", 1), "line 3 of the input: a RECORD of stream nobody"}}) {
    states_.clear();
    const WriteReport report = Run({Record("a", 1), StreamState("a", 1), line, Record("a", 2)});
    EXPECT_EQ(report.status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(report.status.message()),
                AllOf(HasSubstr(words), testing::Not(HasSubstr("secret"))));
    EXPECT_THAT(states_, ElementsAre(Counted(StreamState("a", 1), 1)));
    EXPECT_THAT(server_.service.stream("a").committed, ElementsAre(Record("a", 1)));
    EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_INCOMPLETE);
    server_.service.Preset("a", {});
  }
}

TEST_F(WriteSessionTest, SurvivesBrokenCallsWithEveryStateInOrder) {
  server_.service.failures = {{2, false, Unavailable()}, {3, true, Unavailable()}};
  std::vector<std::string> lines;
  std::vector<std::string> records;
  std::vector<std::string> states;
  for (int i = 0; i < 60; ++i) {
    records.push_back(Record("a", i));
    lines.push_back(records.back());
    if (i % 5 != 4) continue;
    lines.push_back(StreamState("a", i));
    states.push_back(Counted(lines.back(), 5));
  }
  const WriteReport report = Run(lines);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(server_.service.stream("a").committed, records);
  EXPECT_EQ(states_, states);
  EXPECT_GE(server_.service.calls(), 3);
}

TEST_F(WriteSessionTest, FullWindowClosesACallToGetAnAnswer) {
  options_.replay_window_bytes = 400;
  options_.window_timeout = absl::Milliseconds(10);
  server_.service.report_progress = false;
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) lines.push_back(Record("a", i));
  const WriteReport report = Run(lines);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(server_.service.stream("a").committed, lines);
  EXPECT_GT(server_.service.calls(), 3);
}

TEST_F(WriteSessionTest, ResumedRunSkipsDurableRecords) {
  options_.resumable = true;
  FakeSyncService::Stream before;
  before.committed = {Record("a", 1), Record("a", 2)};
  server_.service.Preset("a", before);
  const WriteReport report = Run(
      {Record("a", 1), StreamState("a", 1), Record("a", 2), Record("a", 3), StreamState("a", 3)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(server_.service.stream("a").committed,
              ElementsAre(Record("a", 1), Record("a", 2), Record("a", 3)));
  EXPECT_EQ(server_.service.stream("a").expected, 3);
  EXPECT_THAT(states_,
              ElementsAre(Counted(StreamState("a", 1), 1), Counted(StreamState("a", 3), 2)));
}

TEST_F(WriteSessionTest, FailedStreamDoesNotAffectOthers) {
  server_.service.failures_of["a"] = {
      {1, false, ErrorWithReason(grpc::StatusCode::FAILED_PRECONDITION, "SCHEMA_CHANGED")}};
  const WriteReport report =
      Run({Record("a", 1), StreamState("a", 1), Record("b", 1), StreamState("b", 1), GlobalState(1),
           Record("a", 2), Record("b", 2), StreamState("b", 2)});
  EXPECT_TRUE(report.status.ok()) << report.status;
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].title, "a");
  EXPECT_EQ(GetReason(report.failures[0].status), "SCHEMA_CHANGED");
  EXPECT_THAT(Explain(report.failures[0].status, "h:1"), HasSubstr("the table was changed"));
  EXPECT_THAT(server_.service.stream("b").committed, ElementsAre(Record("b", 1), Record("b", 2)));
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_COMPLETE);
  EXPECT_NE(server_.service.stream("a").ended, v1::STREAM_STATUS_COMPLETE);
  for (const std::string& state : states_) EXPECT_THAT(state, HasSubstr(R"("name":"b")"));
  EXPECT_GE(report.withheld_states, 1);
}

TEST_F(WriteSessionTest, SkipsAStreamThatCannotStart) {
  server_.service.refused["a"] = ErrorWithReason(grpc::StatusCode::INVALID_ARGUMENT, "BAD_SCHEMA");
  const WriteReport report = Run({Record("a", 1), StreamState("a", 1), Record("b", 1),
                                  GlobalState(1), Record("a", 2), StreamState("b", 1)});
  EXPECT_TRUE(report.status.ok()) << report.status;
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].stream.name, "a");
  EXPECT_EQ(report.failures[0].skipped, 2);
  EXPECT_EQ(GetReason(report.failures[0].status), "BAD_SCHEMA");
  EXPECT_THAT(states_, ElementsAre(Counted(StreamState("b", 1), 1)));
  EXPECT_EQ(report.withheld_states, 2);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_COMPLETE);
}

TEST_F(WriteSessionTest, ReadsNothingIfNoStreamCanStart) {
  for (const char* name : {"a", "b"}) {
    server_.service.refused[name] =
        ErrorWithReason(grpc::StatusCode::INVALID_ARGUMENT, "BAD_SCHEMA");
  }
  const WriteReport report = Run({Record("a", 1), Record("b", 1)});
  EXPECT_EQ(report.failures.size(), 2u);
  EXPECT_EQ(report.records, 0);
}

TEST_F(WriteSessionTest, FencedStreamEndsTheRun) {
  options_.resumable = true;
  server_.service.failures = {
      {1, false, ErrorWithReason(grpc::StatusCode::ABORTED, "FENCED", /*retry=*/true)}};
  const WriteReport report = Run({Record("a", 1), StreamState("a", 1)});
  EXPECT_EQ(GetReason(report.status), "FENCED");
  EXPECT_THAT(states_, IsEmpty());
}

TEST_F(WriteSessionTest, FencedStreamOfAnOwnSyncIsTriedOnceMore) {
  server_.service.failures = {{1, false, ErrorWithReason(grpc::StatusCode::ABORTED, "FENCED")}};
  const WriteReport report = Run({Record("a", 1), StreamState("a", 1)});
  EXPECT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(states_, ElementsAre(Counted(StreamState("a", 1), 1)));
  EXPECT_THAT(server_.service.expected_epochs(), ElementsAre(0, 1));
}

// Checkpoints that an earlier run of the same sync id left in the ledger must not release a state
// of this run.
TEST_F(WriteSessionTest, EarlierCheckpointsReleaseOnlyDurableStates) {
  options_.resumable = true;
  std::vector<std::string> lines;
  for (int i = 0; i < 20; ++i) {
    lines.push_back(Record("a", i));
    if (i % 2 == 1) lines.push_back(StreamState("a", i));
  }
  ASSERT_TRUE(Run(lines).status.ok());
  EXPECT_GE(server_.service.checkpoints(), 1u);
  FakeSyncService::Stream stream = server_.service.stream("a");
  stream.ended = v1::STREAM_STATUS_UNSPECIFIED;
  server_.service.Preset("a", stream);
  states_.clear();

  // The first state of the second run follows the rows of the first run, and its call is refused.
  server_.service.failures = {
      {0, false, ErrorWithReason(grpc::StatusCode::FAILED_PRECONDITION, "SCHEMA_CHANGED")}};
  std::vector<std::string> more;
  for (int i = 0; i < 30; ++i) more.push_back(Record("a", i));
  more.push_back(StreamState("a", 29));
  const WriteReport report = Run(more);
  EXPECT_EQ(report.failures.size(), 1u);
  EXPECT_THAT(states_, IsEmpty());
}

TEST_F(WriteSessionTest, EarlierGlobalStateNeedsNoNewCheckpoint) {
  options_.resumable = true;
  const std::vector<std::string> lines = {Record("a", 1), Record("b", 1), GlobalState(1)};
  ASSERT_TRUE(Run(lines).status.ok());
  for (const char* name : {"a", "b"}) {
    FakeSyncService::Stream stream = server_.service.stream(name);
    stream.ended = v1::STREAM_STATUS_UNSPECIFIED;
    server_.service.Preset(name, stream);
  }
  states_.clear();
  ASSERT_TRUE(Run(lines).status.ok());
  EXPECT_THAT(states_, ElementsAre(Counted(GlobalState(1), 2)));
  EXPECT_EQ(server_.service.checkpoints(), 1u);
}

TEST_F(WriteSessionTest, StateWithoutACheckpointKeepsTheOrder) {
  const std::string empty =
      R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":{"name":"a"},)"
      R"("stream_state":{"__ab_no_cursor_state_message":true}}}})";
  const WriteReport report = Run({Record("a", 1), StreamState("a", 1), Record("a", 2), empty});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(states_, ElementsAre(Counted(StreamState("a", 1), 1), Counted(empty, 1)));
  EXPECT_EQ(server_.service.checkpoints(), 1u);
}

TEST_F(WriteSessionTest, ReplaceNeedsAFinalState) {
  replaces_ = true;
  const WriteReport report = Run(
      {Record("a", 1), StreamState("a", 1), Record("b", 1), StreamState("b", 1), Record("b", 2)});
  EXPECT_THAT(GetIncompleteStreams(report), ElementsAre("b"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_COMPLETE);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_INCOMPLETE);
}

TEST_F(WriteSessionTest, FinalGlobalStateCompletesEveryReplace) {
  replaces_ = true;
  EXPECT_THAT(GetIncompleteStreams(Run({Record("a", 1), Record("b", 1), GlobalState(1)})),
              IsEmpty());
}

TEST_F(WriteSessionTest, OptionCompletesAReplaceWithoutStates) {
  replaces_ = true;
  options_.complete_without_status = true;
  EXPECT_THAT(GetIncompleteStreams(Run({Record("a", 1)})), IsEmpty());
}

TEST_F(WriteSessionTest, EmptyInputCompletesNothing) {
  for (const bool replaces : {false, true}) {
    replaces_ = replaces;
    options_.complete_without_status = replaces;
    EXPECT_THAT(GetIncompleteStreams(Run({})), ElementsAre("a", "b"));
    EXPECT_THAT(GetIncompleteStreams(Run({"", "  "})), ElementsAre("a", "b"));
  }
}

TEST_F(WriteSessionTest, FailedSourceKeepsItsCompletedStreams) {
  const std::string failures[] = {
      R"({"type":"LOG","log":{"level":"FATAL","message":"no route"}})",
      R"({"type": "LOG", "log": {"message": "no route", "level": "fatal"}})",
      R"({"type":"CONNECTION_STATUS","connectionStatus":{"status":"FAILED","message":"no route"}})",
      R"({"type":"TRACE","trace":{"type":"ERROR","error":{"message":"no route"}}})",
  };
  for (const std::string& failure : failures) {
    const WriteReport report = Run({Record("a", 1), Record("b", 1), StreamState("b", 1), failure,
                                    Status("a", "COMPLETE"), R"({"type":"LOG","log":{}})"});
    ASSERT_EQ(report.incomplete.size(), 1u) << failure;
    EXPECT_EQ(report.incomplete[0].title, "b");
    EXPECT_THAT(report.incomplete[0].reason, HasSubstr("no route"));
    EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_COMPLETE);
    EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_INCOMPLETE);
    server_.service.Preset("a", {});
    server_.service.Preset("b", {});
  }
}

TEST_F(WriteSessionTest, TruncatedInputCompletesNothing) {
  const std::string whole = Record("a", 1);
  for (size_t length = 1; length < whole.size(); ++length) {
    const WriteReport report = RunText(absl::StrCat(Record("a", 0), "\n", whole.substr(0, length)));
    EXPECT_THAT(std::string(report.status.message()), HasSubstr("line 2 of the input")) << length;
    EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_INCOMPLETE);
    server_.service.Preset("a", {});
  }
  EXPECT_TRUE(RunText(absl::StrCat(Record("a", 0), "\n", whole)).status.ok());
}

TEST_F(WriteSessionTest, StrictCompletesNoStreamWithFindings) {
  options_.strict = true;
  server_.service.nulled["a"] = 3;
  const WriteReport report = Run({Record("a", 1), Record("b", 1)});
  ASSERT_EQ(report.failures.size(), 1u);
  EXPECT_EQ(report.failures[0].title, "a");
  EXPECT_THAT(std::string(report.failures[0].status.message()), HasSubstr("3 values"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_INCOMPLETE);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_COMPLETE);
}

TEST_F(WriteSessionTest, ReportsWhyRecordsWereRejected) {
  server_.service.Reject("b", 4, "NOT_JSON");
  const WriteReport report = Run({Record("a", 1), Record("b", 1)});
  ASSERT_EQ(report.streams.size(), 2u);
  EXPECT_THAT(RecordEntries(report.streams[0]), IsEmpty());
  ASSERT_EQ(RecordEntries(report.streams[1]).size(), 1u);
  EXPECT_THAT(RecordEntries(report.streams[1])[0].text,
              HasSubstr("NOT_JSON; the first is record 5"));
  EXPECT_EQ(report.rejected, 1);
}

}  // namespace
}  // namespace syncline::client

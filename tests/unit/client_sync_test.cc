// What the client does when calls break: nothing is lost, nothing is sent as new twice, states
// wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "client/airbyte/write_session.h"
#include "client/call_error.h"
#include "client/load_session.h"
#include "client/sources/jsonl_source.h"
#include "client/stream_writer.h"
#include "server/base/error.h"
#include "tests/unit/fake_sync_service.h"

namespace syncline::client {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

grpc::Status Unavailable() { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"); }

v1::StartSyncRequest StartOf(const std::string& stream) {
  v1::StartSyncRequest request;
  request.set_sync_id("s");
  request.add_streams()->mutable_descriptor()->set_name(stream);
  return request;
}

std::unique_ptr<StreamWriter> MakeWriter(FakeServer* server, ReplayWindow* window) {
  StreamWriterOptions options;
  options.start = StartOf("t");
  options.descriptor.set_name("t");
  options.retry_for = absl::Seconds(20);
  return std::make_unique<StreamWriter>(server->client.get(), window, std::move(options));
}

absl::Status SendLine(StreamWriter* writer, const std::string& line) {
  auto request = std::make_unique<v1::StreamRecordsRequest>();
  request->mutable_batch()->set_jsonl(line + "\n");
  return writer->Send(std::move(request), 1);
}

TEST(StreamWriterTest, SendsAgainWhatWasNotDurableWhenACallBreaks) {
  FakeServer server;
  server.service.failures = {{2, true, Unavailable()}, {1, false, Unavailable()}};
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  std::vector<std::string> lines;
  for (int i = 0; i < 50; ++i) {
    lines.push_back(absl::StrCat("{\"i\":", i, "}"));
    ASSERT_TRUE(SendLine(writer.get(), lines.back()).ok());
  }
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(server.service.stream("t").committed, lines);
  EXPECT_EQ(writer->durable_offset(), 50);
  EXPECT_EQ(window.held_bytes(), 0);
  EXPECT_EQ(server.service.calls(), 3);
}

TEST(StreamWriterTest, CheckpointsSurviveABrokenCall) {
  FakeServer server;
  server.service.failures = {{3, false, Unavailable()}};
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  ASSERT_TRUE(writer->SendCheckpoint("c1", "state").ok());
  ASSERT_TRUE(SendLine(writer.get(), "2").ok());
  ASSERT_TRUE(SendLine(writer.get(), "3").ok());
  ASSERT_TRUE(writer->SendCheckpoint("c2", "state").ok());
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_THAT(server.service.stream("t").committed, ElementsAre("1", "2", "3"));
  EXPECT_EQ(server.service.checkpoints(), 2u);
}

TEST(StreamWriterTest, AcknowledgedBytesLeaveTheWindow) {
  FakeServer server;
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  const int64_t one = window.held_bytes();
  ASSERT_TRUE(writer->SendCheckpoint("c1", "").ok());
  ASSERT_TRUE(SendLine(writer.get(), "2").ok());
  EXPECT_GT(one, 0);
  writer->Acknowledge(1);
  const int64_t with_checkpoint = window.held_bytes();
  EXPECT_GT(with_checkpoint, one);  // the checkpoint and the second record
  writer->Acknowledge(1, "c1");
  EXPECT_LT(window.held_bytes(), with_checkpoint);
  EXPECT_GT(window.held_bytes(), 0);
  writer->Acknowledge(2);
  EXPECT_EQ(window.held_bytes(), 0);
}

TEST(StreamWriterTest, AFencedWriterStopsForGood) {
  FakeServer server;
  server.service.failures = {
      {1, false, ErrorWithReason(grpc::StatusCode::ABORTED, "FENCED", /*retry=*/true)}};
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  const absl::Status closed = writer->Close();
  EXPECT_EQ(ReasonOf(closed), "FENCED");
  EXPECT_EQ(writer->Close(), closed);
  EXPECT_EQ(SendLine(writer.get(), "2"), closed);
  EXPECT_EQ(server.service.calls(), 1);
}

TEST(StreamWriterTest, WithoutAWindowTheCallerHearsOfIt) {
  FakeServer server;
  server.service.failures = {{1, false, Unavailable()}};
  const auto writer = MakeWriter(&server, nullptr);
  absl::Status status = SendLine(writer.get(), "1");
  if (status.ok()) status = writer->Close();
  EXPECT_TRUE(IsRetryableCall(status)) << status;
}

// Runs a load of `text` from a file.
LoadReport Load(FakeServer* server, const std::string& text, bool rereadable = true) {
  std::FILE* const file = std::tmpfile();
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
  LoadOptions options;
  options.start = StartOf("t");
  options.retry_for = absl::Seconds(20);
  options.replay_window_bytes = 500;
  options.window_patience = absl::Milliseconds(20);
  std::unique_ptr<LineReader> reader;
  ProgressLine progress(false);
  LoadSession session(
      server->client.get(), std::move(options),
      [&](const v1::StreamPlan&) -> absl::StatusOr<std::unique_ptr<RecordSource>> {
        std::rewind(file);
        lseek(fileno(file), 0, SEEK_SET);
        reader = std::make_unique<LineReader>(fileno(file));
        return std::make_unique<JsonlSource>(reader.get());
      },
      rereadable, &progress);
  const LoadReport report = session.Run();
  std::fclose(file);
  return report;
}

std::string Lines(int count, std::vector<std::string>* lines) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    lines->push_back(absl::StrCat("{\"i\":", i, "}"));
    absl::StrAppend(&text, lines->back(), i % 7 == 0 ? "\n \n" : "\n");
  }
  return text;
}

TEST(LoadSessionTest, ReadsTheFileAgainAfterABrokenCall) {
  FakeServer server;
  server.service.failures = {{3, true, Unavailable()}, {0, false, Unavailable()}};
  server.service.complete_failures = {
      ErrorWithReason(grpc::StatusCode::FAILED_PRECONDITION, "WRITERS_ACTIVE", true)};
  std::vector<std::string> lines;
  const LoadReport report = Load(&server, Lines(300, &lines));
  ASSERT_TRUE(report.status.ok()) << report.status;
  const FakeSyncService::Stream stream = server.service.stream("t");
  EXPECT_EQ(stream.committed, lines);
  EXPECT_EQ(stream.ended, v1::STREAM_STATUS_COMPLETE);
  EXPECT_EQ(stream.expected, 300);
  EXPECT_EQ(report.durable_offset, 300);
}

TEST(LoadSessionTest, GoesOnWhereAnEarlierRunStopped) {
  FakeServer server;
  std::vector<std::string> lines;
  const std::string text = Lines(100, &lines);
  FakeSyncService::Stream before;
  before.committed.assign(lines.begin(), lines.begin() + 42);
  server.service.Preset("t", before);
  const LoadReport report = Load(&server, text);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(report.skipped, 42);
  EXPECT_EQ(server.service.stream("t").committed, lines);
  EXPECT_EQ(server.service.stream("t").expected, 100);
}

TEST(LoadSessionTest, DoesNothingWhenTheSyncIsComplete) {
  FakeServer server;
  FakeSyncService::Stream before;
  before.committed = {"1"};
  before.ended = v1::STREAM_STATUS_COMPLETE;
  server.service.Preset("t", before);
  EXPECT_TRUE(Load(&server, "1\n").completed_before);
  EXPECT_EQ(server.service.calls(), 0);
}

TEST(LoadSessionTest, StdinPassesThroughASmallWindow) {
  for (const bool progress : {true, false}) {
    FakeServer server;
    server.service.commit_each_batch = progress;
    server.service.tell_progress = progress;
    server.service.failures = {{2, false, Unavailable()}};
    std::vector<std::string> lines;
    const LoadReport report = Load(&server, Lines(300, &lines), /*rereadable=*/false);
    ASSERT_TRUE(report.status.ok()) << report.status;
    EXPECT_EQ(server.service.stream("t").committed, lines);
  }
}

std::string Record(const std::string& stream, int id) {
  return absl::StrCat(R"({"type":"RECORD","record":{"stream":")", stream, R"(","data":{"id":)", id,
                      R"(},"emitted_at":1}})");
}

std::string StreamState(const std::string& stream, int cursor) {
  return absl::StrCat(R"({"type":"STATE","state":{"type":"STREAM","stream":{"stream_descriptor":)",
                      R"({"name":")", stream, R"("},"stream_state":{"c":)", cursor, "}}}}");
}

std::string GlobalState(int cursor) {
  return absl::StrCat(R"({"type":"STATE","state":{"type":"GLOBAL","global":{"c":)", cursor, "}}}");
}

std::string Status(const std::string& stream, const std::string& status) {
  return absl::StrCat(
      R"({"type":"TRACE","trace":{"type":"STREAM_STATUS","stream_status":{"stream_descriptor":)",
      R"({"name":")", stream, R"("},"status":")", status, R"("}}})");
}

std::string Counted(const std::string& state, int records) {
  return WithDestinationStats(state, records);
}

class WriteSessionTest : public testing::Test {
 protected:
  WriteReport Run(const std::vector<std::string>& lines) {
    std::FILE* const file = std::tmpfile();
    for (const std::string& line : lines) std::fputs((line + "\n").c_str(), file);
    std::rewind(file);
    options_.sync_id = "s";
    options_.retry_for = absl::Seconds(20);
    Catalog catalog;
    for (const char* name : {"a", "b"}) {
      CatalogStream& stream = catalog.streams.emplace_back();
      stream.name = name;
      stream.config.mutable_descriptor()->set_name(name);
    }
    WriteSession session(server_.client.get(), catalog, options_,
                         [this](const std::string& line) { states_.push_back(line); });
    WriteReport report;
    report.status = session.Start();
    if (report.status.ok()) {
      LineReader input(fileno(file));
      ProgressLine progress(false);
      report = session.Run(&input, &progress);
    }
    std::fclose(file);
    return report;
  }

  FakeServer server_;
  WriteSessionOptions options_;
  std::vector<std::string> states_;
};

TEST_F(WriteSessionTest, RoutesRecordsAndGivesStatesBackWithTheirCounts) {
  const WriteReport report =
      Run({Record("a", 1), StreamState("b", 0), Record("b", 1), Record("a", 2), StreamState("a", 2),
           R"({"type":"LOG","log":{}})", Record("a", 3), StreamState("b", 1), StreamState("a", 3)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(report.records, 4);
  EXPECT_EQ(report.durable, 4);
  EXPECT_EQ(report.ignored_messages, 1);
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

TEST_F(WriteSessionTest, AGlobalStateWaitsForEveryStream) {
  const WriteReport report = Run({Record("a", 1), Record("b", 1), Record("b", 2), GlobalState(1),
                                  Record("b", 3), GlobalState(2)});
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(states_, ElementsAre(Counted(GlobalState(1), 3), Counted(GlobalState(2), 1)));
  // Stream a sent nothing after the first state, so the second needs no checkpoint there.
  EXPECT_EQ(server_.service.checkpoints(), 3u);
}

TEST_F(WriteSessionTest, EndsStreamsByTheirStatusAndTheRestAsIncomplete) {
  const WriteReport report = Run({Status("a", "STARTED"), Record("a", 1), Status("a", "COMPLETE"),
                                  Status("b", "STARTED"), Record("b", 1), StreamState("b", 1)});
  EXPECT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(report.incomplete, ElementsAre("b"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_COMPLETE);
  EXPECT_EQ(server_.service.stream("b").ended, v1::STREAM_STATUS_INCOMPLETE);
  EXPECT_THAT(states_, SizeIs(1));
}

TEST_F(WriteSessionTest, ASourceThatReportsAnErrorCompletesNothing) {
  const WriteReport report =
      Run({Record("a", 1), R"({"type":"TRACE","trace":{"type":"ERROR","error":{}}})"});
  EXPECT_THAT(report.incomplete, ElementsAre("a", "b"));
  EXPECT_EQ(server_.service.stream("a").ended, v1::STREAM_STATUS_INCOMPLETE);
}

TEST_F(WriteSessionTest, ABadLineStopsTheRunAfterWhatCameBefore) {
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

TEST_F(WriteSessionTest, AFullWindowClosesACallToBeToldOfProgress) {
  options_.replay_window_bytes = 400;
  options_.window_patience = absl::Milliseconds(10);
  server_.service.tell_progress = false;
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) lines.push_back(Record("a", i));
  const WriteReport report = Run(lines);
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_EQ(server_.service.stream("a").committed, lines);
  EXPECT_GT(server_.service.calls(), 3);
}

TEST_F(WriteSessionTest, AResumedRunSkipsWhatIsDurableAndStillGivesItsStates) {
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

TEST_F(WriteSessionTest, AnErrorThatStaysEndsTheRunWithoutStatesThatItDidNotCommit) {
  server_.service.failures = {
      {1, false, ErrorWithReason(grpc::StatusCode::FAILED_PRECONDITION, "SCHEMA_CHANGED")}};
  const WriteReport report = Run({Record("a", 1), StreamState("a", 1)});
  EXPECT_EQ(ReasonOf(report.status), "SCHEMA_CHANGED");
  EXPECT_THAT(states_, IsEmpty());
  EXPECT_THAT(Explain(report.status, "h:1"), HasSubstr("somebody changed the table"));
}

}  // namespace
}  // namespace syncline::client

// The client's behavior when calls break: no record is lost and none is sent as new twice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <optional>

#include "absl/time/clock.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "client/call_error.h"
#include "client/load_session.h"
#include "client/sources/jsonl_source.h"
#include "client/stream_writer.h"
#include "tests/unit/client/fake_sync_service.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;

grpc::Status Unavailable() { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"); }

v1::StartSyncRequest StartOf(const std::string& stream) {
  v1::StartSyncRequest request;
  request.set_sync_id("s");
  request.add_streams()->mutable_descriptor()->set_name(stream);
  return request;
}

std::unique_ptr<StreamWriter> MakeWriter(FakeServer* server, ReplayWindow* window,
                                         StreamWriterOptions options = {}) {
  options.start = StartOf("t");
  options.descriptor.set_name("t");
  options.retry_for = absl::Seconds(20);
  return std::make_unique<StreamWriter>(server->client.get(), window, std::move(options));
}

absl::Status SendLine(StreamWriter* writer, const std::string& line) {
  auto request = std::make_unique<v1::AppendRecordsRequest>();
  request->mutable_batch()->set_jsonl(line + "\n");
  return writer->Send(std::move(request), 1);
}

v1::Checkpoint CheckpointOf(const std::string& id) {
  v1::Checkpoint checkpoint;
  checkpoint.set_checkpoint_id(id);
  return checkpoint;
}

TEST(StreamWriterTest, ResendsUncommittedRecordsIfACallBreaks) {
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

// gRPC answers with this status if a call reaches a server just before it exits.
TEST(CallErrorTest, CallThatWasNotCancelledIsRetryable) {
  EXPECT_TRUE(IsRetryableCall(FromGrpc(grpc::Status(grpc::StatusCode::CANCELLED, "CANCELLED"))));
  EXPECT_FALSE(IsRetryableCall(
      FromGrpc(ErrorWithReason(grpc::StatusCode::CANCELLED, "STATEMENT_CANCELLED"))));
}

// gRPC and proxies end calls without details when memory is short.
TEST(CallErrorTest, LackOfMemoryIsRetryableAndTooLargeMessageIsNot) {
  const auto exhausted = [](const char* message) {
    return FromGrpc(grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, message));
  };
  const absl::Status busy = exhausted("Bandwidth exhausted or memory limit exceeded");
  EXPECT_EQ(busy.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(IsRetryableCall(busy));
  EXPECT_FALSE(
      IsRetryableCall(exhausted("Received message larger than max (20000000 vs. 16842752)")));
  EXPECT_FALSE(IsRetryableCall(
      FromGrpc(ErrorWithReason(grpc::StatusCode::RESOURCE_EXHAUSTED, "TOO_MANY_REJECTED"))));
}

TEST(StreamWriterTest, CheckpointsSurviveABrokenCall) {
  FakeServer server;
  server.service.failures = {{3, false, Unavailable()}};
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  ASSERT_TRUE(writer->SendCheckpoint(CheckpointOf("c1")).ok());
  ASSERT_TRUE(SendLine(writer.get(), "2").ok());
  ASSERT_TRUE(SendLine(writer.get(), "3").ok());
  ASSERT_TRUE(writer->SendCheckpoint(CheckpointOf("c2")).ok());
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_THAT(server.service.stream("t").committed, ElementsAre("1", "2", "3"));
  EXPECT_EQ(server.service.checkpoints(), 2u);
}

// Polls until `done` returns true. Returns false after 20 s.
bool Eventually(const std::function<bool()>& done) {
  const absl::Time until = absl::Now() + absl::Seconds(20);
  while (!done()) {
    if (absl::Now() > until) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

TEST(StreamWriterTest, AnswersEmptyTheWindowWhileTheCallIsOpen) {
  FakeServer server;
  server.service.commit_each_batch = true;
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  for (int call = 0; call < 2; ++call) {
    ASSERT_TRUE(SendLine(writer.get(), "1").ok());
    ASSERT_TRUE(writer->SendCheckpoint(CheckpointOf(absl::StrCat("c", call))).ok());
    ASSERT_TRUE(SendLine(writer.get(), "2").ok());
    EXPECT_TRUE(Eventually([&] { return window.held_bytes() == 0; }));
    EXPECT_EQ(writer->durable_offset(), 2 * call + 2);
    ASSERT_TRUE(writer->Close().ok());
  }
  EXPECT_EQ(server.service.calls(), 2);
}

TEST(StreamWriterTest, RecordsThatAreNotDurableStayInTheWindow) {
  FakeServer server;
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  const int64_t one = window.held_bytes();
  ASSERT_TRUE(writer->SendCheckpoint(CheckpointOf("c1")).ok());
  ASSERT_TRUE(SendLine(writer.get(), "2").ok());
  // The second message is two bytes longer, because its offset is not 0.
  EXPECT_TRUE(Eventually([&] { return window.held_bytes() <= one + 2; }));
  EXPECT_GT(window.held_bytes(), 0);
  EXPECT_EQ(writer->durable_offset(), 1);
}

// A checkpoint of several writers is in the ledger before the records that precede it.
TEST(StreamWriterTest, CheckpointOfSeveralWritersReleasesNoRecords) {
  FakeServer server;
  ReplayWindow window(1 << 20);
  std::atomic<bool> stored = false;
  StreamWriterOptions options;
  options.on_durable = [&](int64_t, const std::string& id) { stored = stored || id == "all"; };
  const auto writer = MakeWriter(&server, &window, std::move(options));
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  const int64_t one = window.held_bytes();
  v1::Checkpoint checkpoint = CheckpointOf("all");
  checkpoint.add_positions()->set_offset(1);
  ASSERT_TRUE(writer->SendCheckpoint(checkpoint).ok());
  EXPECT_TRUE(Eventually([&] { return stored.load(); }));
  EXPECT_GE(window.held_bytes(), one);
  EXPECT_EQ(writer->durable_offset(), 0);
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(window.held_bytes(), 0);
  EXPECT_EQ(writer->durable_offset(), 1);
}

TEST(StreamWriterTest, CancelledCallCanBeDestroyed) {
  FakeServer server;
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  writer->Cancel();
  EXPECT_GT(window.held_bytes(), 0);
}

TEST(StreamWriterTest, FencedWriterStops) {
  FakeServer server;
  server.service.failures = {
      {1, false, ErrorWithReason(grpc::StatusCode::ABORTED, "FENCED", /*retry=*/true)}};
  ReplayWindow window(1 << 20);
  const auto writer = MakeWriter(&server, &window);
  ASSERT_TRUE(SendLine(writer.get(), "1").ok());
  const absl::Status closed = writer->Close();
  EXPECT_EQ(GetReason(closed), "FENCED");
  EXPECT_EQ(writer->Close(), closed);
  EXPECT_EQ(SendLine(writer.get(), "2"), closed);
  EXPECT_EQ(server.service.calls(), 1);
}

grpc::Status Fenced() { return ErrorWithReason(grpc::StatusCode::ABORTED, "FENCED"); }

// Sends and closes twice, in two calls.
absl::Status SendTwice(FakeServer* server, std::optional<int64_t> expected_epoch,
                       bool sole_caller = false) {
  ReplayWindow window(1 << 20);
  StreamWriterOptions options;
  options.epochs = WriterEpochs(expected_epoch, sole_caller);
  const auto writer = MakeWriter(server, &window, std::move(options));
  for (const char* const line : {"1", "2"}) {
    SYNCLINE_RETURN_IF_ERROR(SendLine(writer.get(), line));
    SYNCLINE_RETURN_IF_ERROR(writer->Close());
  }
  return absl::OkStatus();
}

TEST(StreamWriterTest, ExpectsTheEpochOfItsLastCall) {
  FakeServer server;
  ASSERT_TRUE(SendTwice(&server, 0).ok());
  EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 1));
}

TEST(StreamWriterTest, ReadsTheEpochAgainAfterABrokenCall) {
  FakeServer server;
  server.service.failures = {{1, false, Unavailable()}};
  ASSERT_TRUE(SendTwice(&server, 0).ok());
  EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 1, 2));
}

TEST(StreamWriterTest, AServerWithoutEpochsIsSentNone) {
  FakeServer server;
  ASSERT_TRUE(SendTwice(&server, std::nullopt).ok());
  EXPECT_THAT(server.service.expected_epochs(), ElementsAre(-1, -1));
  v1::StreamPlan plan;
  EXPECT_EQ(WriterEpoch(plan, "w"), 0);
  plan.add_writers()->set_writer_id("w");
  EXPECT_EQ(WriterEpoch(plan, "w"), std::nullopt);
  plan.mutable_writers(0)->set_epoch(3);
  EXPECT_EQ(WriterEpoch(plan, "w"), 3);
  EXPECT_EQ(WriterEpoch(plan, "v"), 0);
}

TEST(StreamWriterTest, TakeOverByAnotherProcessIsFinal) {
  FakeServer server;
  server.service.TakeOver("t");
  EXPECT_EQ(GetReason(SendTwice(&server, 0)), "FENCED");
  EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0));
}

TEST(StreamWriterTest, SoleCallerTriesOnceMoreAfterFenced) {
  {
    FakeServer server;
    server.service.TakeOver("t");
    ASSERT_TRUE(SendTwice(&server, 0, /*sole_caller=*/true).ok());
    EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 1, 2));
    EXPECT_THAT(server.service.stream("t").committed, ElementsAre("1", "2"));
  }
  FakeServer server;
  server.service.failures = {{1, false, Fenced()}, {1, false, Fenced()}};
  EXPECT_EQ(GetReason(SendTwice(&server, std::nullopt, /*sole_caller=*/true)), "FENCED");
  EXPECT_EQ(server.service.calls(), 2);
}

// The broken call may reach the server after its caller has read the epoch again.
TEST(StreamWriterTest, FencedAfterABrokenCallIsTriedOnceMore) {
  for (const int stale_starts : {1, 2}) {
    FakeServer server;
    server.service.tell_opened = true;
    server.service.failures = {{0, false, Unavailable()}};
    server.service.stale_starts = stale_starts;
    const absl::Status sent = SendTwice(&server, 0);
    if (stale_starts == 1) {
      EXPECT_TRUE(sent.ok()) << sent;
      EXPECT_THAT(server.service.stream("t").committed, ElementsAre("1", "2"));
      EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 0, 1, 2));
    } else {
      EXPECT_EQ(GetReason(sent), "FENCED");
      EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 0, 0));
    }
  }
}

TEST(StreamWriterTest, TakeOverIsFinalAfterABrokenCall) {
  FakeServer server;
  server.service.tell_opened = true;
  server.service.failures = {{1, false, Unavailable()}, {1, true, Fenced(), /*taken_over=*/true}};
  EXPECT_EQ(GetReason(SendTwice(&server, 0)), "FENCED");
  EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 1));
}

// A call that breaks while it sends may lose the error of the server.
TEST(StreamWriterTest, TakeOverIsNoticedWithoutItsError) {
  FakeServer server;
  server.service.tell_opened = true;
  server.service.failures = {{1, false, Unavailable(), /*taken_over=*/true}};
  EXPECT_EQ(GetReason(SendTwice(&server, 0)), "FENCED");
  EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 1));
  EXPECT_THAT(server.service.stream("t").committed, testing::IsEmpty());
}

TEST(StreamWriterTest, ACallThatEndsTooEarlyIsRepeated) {
  FakeServer server;
  server.service.failures = {{1, false, grpc::Status::OK}};
  ASSERT_TRUE(SendTwice(&server, 0).ok());
  EXPECT_THAT(server.service.stream("t").committed, ElementsAre("1", "2"));
  EXPECT_EQ(server.service.calls(), 3);
}

TEST(WriterEpochsTest, ExpectNoEpochOfAnotherCaller) {
  WriterEpochs epochs(3);
  epochs.CallBegins();
  epochs.Resume(4);  // the call may have opened the writer before it broke
  EXPECT_EQ(epochs.expected(), 4);
  epochs.CallBegins();
  epochs.CallEnded(FromGrpc(Fenced()));
  epochs.Resume(5);
  EXPECT_EQ(epochs.expected(), 4);
  epochs.Resume(2);  // the database has crashed
  EXPECT_EQ(epochs.expected(), 2);
  epochs.CallBegins();
  epochs.CallOpened(3);
  EXPECT_TRUE(epochs.opened());
  epochs.CallEnded(absl::OkStatus());
  EXPECT_EQ(epochs.expected(), 3);
  epochs.Resume(std::nullopt);
  EXPECT_EQ(epochs.expected(), std::nullopt);
}

TEST(StreamWriterTest, WithoutAWindowTheCallerGetsTheError) {
  FakeServer server;
  server.service.failures = {{1, false, Unavailable()}};
  const auto writer = MakeWriter(&server, nullptr);
  absl::Status status = SendLine(writer.get(), "1");
  if (status.ok()) status = writer->Close();
  EXPECT_TRUE(IsRetryableCall(status)) << status;
}

// Loads `text` from a file.
LoadReport Load(FakeServer* server, const std::string& text, bool rereadable = true,
                LoadOptions options = {}) {
  std::FILE* const file = std::tmpfile();
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
  options.start = StartOf("t");
  options.retry_for = absl::Seconds(20);
  options.replay_window_bytes = 500;
  options.window_timeout = absl::Milliseconds(20);
  std::unique_ptr<LineReader> reader;
  ProgressLine progress(false, nullptr, absl::Now());
  LoadSource source;
  source.rereadable = rereadable;
  source.open = [&](const v1::StreamPlan&) -> absl::StatusOr<std::unique_ptr<RecordSource>> {
    std::rewind(file);
    lseek(fileno(file), 0, SEEK_SET);
    reader = std::make_unique<LineReader>(fileno(file));
    return std::make_unique<JsonlSource>(reader.get());
  };
  LoadSession session(server->client.get(), std::move(options), {source}, &progress);
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

TEST(LoadSessionTest, RereadsTheFileAfterABrokenCall) {
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

TEST(LoadSessionTest, FencedIsFinalUnlessNoOtherProcessKnowsTheSync) {
  for (const bool sole_caller : {false, true}) {
    FakeServer server;
    server.service.failures = {{1, true, ErrorWithReason(grpc::StatusCode::ABORTED, "FENCED")}};
    LoadOptions options;
    options.sole_caller = sole_caller;
    std::vector<std::string> lines;
    const LoadReport report = Load(&server, Lines(100, &lines), /*rereadable=*/true, options);
    EXPECT_EQ(GetReason(report.status), sole_caller ? "" : "FENCED");
    EXPECT_EQ(server.service.stream("t").committed.size() == 100, sole_caller);
    EXPECT_EQ(server.service.expected_epochs().front(), 0);
  }
}

TEST(LoadSessionTest, TakeOverIsFinalForAFileThatIsReadAgain) {
  FakeServer server;
  server.service.tell_opened = true;
  server.service.failures = {{1, true, Unavailable()}, {1, true, Fenced(), /*taken_over=*/true}};
  std::vector<std::string> lines;
  const LoadReport report = Load(&server, Lines(100, &lines));
  EXPECT_EQ(GetReason(report.status), "FENCED");
  EXPECT_THAT(server.service.expected_epochs(), ElementsAre(0, 1));
}

TEST(LoadSessionTest, ACallThatEndsTooEarlyIsRepeated) {
  FakeServer server;
  server.service.failures = {{1, false, grpc::Status::OK}};
  const LoadReport report = Load(&server, "{\"a\":1}\n");
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(server.service.stream("t").committed, ElementsAre("{\"a\":1}"));
}

TEST(LoadSessionTest, AnEmptyFileDoesNotHideThePercentage) {
  FakeServer server;
  const std::string text = "{\"i\":1}\n";
  std::vector<std::unique_ptr<LineReader>> readers(2);
  std::vector<std::FILE*> files;
  std::vector<LoadSource> sources;
  for (size_t i = 0; i < 2; ++i) {
    files.push_back(std::tmpfile());
    if (i == 1) std::fwrite(text.data(), 1, text.size(), files[i]);
    std::rewind(files[i]);
    LoadSource& source = sources.emplace_back();
    source.writer_id = absl::StrCat(i);
    source.rereadable = true;
    source.size = i == 1 ? static_cast<int64_t>(text.size()) : 0;
    source.position = [file = files[i]] { return lseek(fileno(file), 0, SEEK_CUR); };
    source.open = [&readers, i, file = files[i]](
                      const v1::StreamPlan&) -> absl::StatusOr<std::unique_ptr<RecordSource>> {
      readers[i] = std::make_unique<LineReader>(fileno(file));
      return std::make_unique<JsonlSource>(readers[i].get());
    };
  }
  std::vector<std::string> reports;
  ProgressLine progress(
      false, [&](absl::string_view words) { reports.emplace_back(words); },
      absl::Now() - absl::Minutes(2));
  LoadOptions options;
  options.start = StartOf("t");
  LoadSession session(server.client.get(), std::move(options), std::move(sources), &progress);
  EXPECT_TRUE(session.Run().status.ok());
  ASSERT_FALSE(reports.empty());
  EXPECT_THAT(reports.front(), ::testing::HasSubstr("% of 8B"));
  for (std::FILE* const file : files) std::fclose(file);
}

TEST(LoadSessionTest, ResumesWhereAnEarlierRunStopped) {
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

LoadOptions Replace() {
  LoadOptions options;
  options.staged = true;
  options.end_rules.replace = true;
  return options;
}

TEST(LoadSessionTest, DiscardsAReplaceWithRejectedRecords) {
  FakeServer server;
  FakeSyncService::Stream stream;
  stream.rejected = 1;
  server.service.Preset("t", stream);
  const LoadReport report = Load(&server, "{\"a\":1}\nbad\n", true, Replace());
  ASSERT_TRUE(report.status.ok()) << report.status;
  EXPECT_THAT(report.refused, testing::HasSubstr("1 record was rejected"));
  EXPECT_EQ(server.service.stream("t").ended, v1::STREAM_STATUS_INCOMPLETE);
  EXPECT_TRUE(server.service.stream("t").discarded);
}

TEST(LoadSessionTest, DiscardsAReplaceThatTheGuardRefuses) {
  for (const char* const reason : {"PUBLISH_GUARD", "ALL_REJECTED"}) {
    FakeServer server;
    server.service.complete_failures = {
        ErrorWithReason(grpc::StatusCode::FAILED_PRECONDITION, reason)};
    const LoadReport report = Load(&server, "{\"a\":1}\n", true, Replace());
    ASSERT_TRUE(report.status.ok()) << report.status;
    EXPECT_EQ(report.refused, "made to fail");
    EXPECT_TRUE(server.service.stream("t").discarded);
  }
}

TEST(LoadSessionTest, DiscardsAReplaceOfTruncatedInput) {
  FakeServer server;
  const LoadReport report = Load(&server, "{\"a\":1}\n{\"a\":", true, Replace());
  EXPECT_THAT(report.refused, testing::HasSubstr("truncated"));
  EXPECT_TRUE(server.service.stream("t").discarded);
}

TEST(LoadSessionTest, ValidatesAndDiscards) {
  FakeServer server;
  LoadOptions options = Replace();
  options.validate_only = true;
  const LoadReport report = Load(&server, "{\"a\":1}\n{\"a\":2}\n", true, options);
  ASSERT_TRUE(report.status.ok()) << report.status;
  ASSERT_TRUE(report.validation.has_value());
  EXPECT_EQ(report.validation->rows_inserted(), 2);
  EXPECT_EQ(report.refused, "");
  EXPECT_TRUE(server.service.stream("t").discarded);
}

TEST(LoadSessionTest, LoadsStdinWithASmallWindow) {
  for (const bool progress : {true, false}) {
    FakeServer server;
    server.service.commit_each_batch = progress;
    server.service.report_progress = progress;
    server.service.failures = {{2, false, Unavailable()}};
    std::vector<std::string> lines;
    const LoadReport report = Load(&server, Lines(300, &lines), /*rereadable=*/false);
    ASSERT_TRUE(report.status.ok()) << report.status;
    EXPECT_EQ(server.service.stream("t").committed, lines);
  }
}

}  // namespace
}  // namespace syncline::client

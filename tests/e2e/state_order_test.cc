// `syncline write` prints a STATE only after the rows that it covers are visible to all readers,
// byte for byte and in the order of its stream.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

std::string Record(absl::string_view stream, int64_t id) {
  return absl::StrCat(R"({"type":"RECORD","record":{"stream":")", stream, R"(","data":{"id":)", id,
                      R"(,"name":"n"},"emitted_at":1700000000000}})", "\n");
}

// Returns the `stream` object of a state. Its unusual spaces and number must be printed unchanged.
std::string StreamPart(absl::string_view stream, int64_t cursor) {
  return absl::StrCat(R"({"stream_descriptor":{"name":")", stream,
                      R"("}, "stream_state":{ "cursor":)", cursor,
                      R"(, "big":12345678901234567890.10,"u":"\u00e9"}})");
}

std::string State(absl::string_view stream, int64_t cursor) {
  return absl::StrCat(R"({"type":"STATE","state":{"type":"STREAM","stream":)",
                      StreamPart(stream, cursor), "}}\n");
}

std::string Complete(absl::string_view stream) {
  return absl::StrCat(
      R"({"type":"TRACE","trace":{"type":"STREAM_STATUS","emitted_at":1,"stream_status":)",
      R"({"stream_descriptor":{"name":")", stream, R"("},"status":"COMPLETE"}}})", "\n");
}

std::string CatalogStream(absl::string_view name) {
  return absl::StrCat(
      R"({"stream":{"name":")", name, R"(","json_schema":{"type":"object","properties":)",
      R"({"id":{"type":"integer"},"name":{"type":"string"}}},"supported_sync_modes":["full_refresh"]},)",
      R"("sync_mode":"full_refresh","destination_sync_mode":"append","generation_id":0,)",
      R"("minimum_generation_id":0,"sync_id":1})");
}

class StateOrderTest : public ServerTest {
 protected:
  std::unique_ptr<Process> StartWrite(const std::string& catalog_file,
                                      const std::string& stdin_file = "") {
    ProcessOptions options;
    options.arguments = {
        SYNCLINE_CLIENT_BINARY,
        "write",
        "--config",
        WriteFile("config.json", absl::StrCat(R"({"server":")", server_->address(),
                                              R"(","schema":")", schema(), R"("})")),
        "--catalog",
        catalog_file,
        "--sync_id",
        "states"};
    options.stdin_file = stdin_file;
    options.stdin_pipe = stdin_file.empty();
    absl::StatusOr<std::unique_ptr<Process>> process = Process::Start(options);
    EXPECT_OK(process);
    return process.ok() ? *std::move(process) : nullptr;
  }

  std::string CatalogFile(const std::vector<std::string>& streams) {
    std::string text;
    for (const std::string& stream : streams) {
      absl::StrAppend(&text, text.empty() ? "" : ",", CatalogStream(stream));
    }
    return WriteFile("catalog.json", absl::StrCat("{\"streams\":[", text, "]}"));
  }

  // Returns the complete STATE lines that `process` has printed.
  static std::vector<std::string> States(const Process& process) {
    std::vector<std::string> states;
    std::vector<std::string> lines = absl::StrSplit(process.Stdout(), '\n');
    lines.pop_back();
    for (std::string& line : lines) {
      if (absl::StrContains(line, "\"STATE\"")) states.push_back(std::move(line));
    }
    return states;
  }

  int64_t Count(absl::string_view table) {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(table)));
  }
};

TEST_F(StateOrderTest, StateWaitsForTheCommitOfItsRows) {
  const auto write = StartWrite(CatalogFile({"a"}));
  ASSERT_OK(write->WriteStdin(absl::StrCat(Record("a", 1), State("a", 1))));
  ASSERT_TRUE(Eventually([&] { return States(*write).size() == 1; }));
  EXPECT_EQ(Count("a"), 1);

  // The table lock blocks every commit, so the next rows are copied but cannot be committed.
  const auto gate = Connect();
  ASSERT_OK(
      gate->Execute(absl::StrCat("BEGIN; LOCK TABLE ", LedgerTable("writer"), " IN SHARE MODE")));
  ASSERT_OK(write->WriteStdin(absl::StrCat(Record("a", 2), Record("a", 3), State("a", 3))));
  ASSERT_TRUE(Eventually([&] {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '",
                                 LedgerTable("writer"), "'::regclass")) > 0;
  }));
  EXPECT_EQ(States(*write).size(), 1);
  EXPECT_EQ(Count("a"), 1);
  ASSERT_OK(gate->Execute("COMMIT"));

  ASSERT_TRUE(Eventually([&] { return States(*write).size() == 2; }));
  EXPECT_EQ(Count("a"), 3);
  ASSERT_OK(write->WriteStdin(Complete("a")));
  write->CloseStdin();
  EXPECT_EQ(ExitCode(*write), 0);
  EXPECT_THAT(States(*write)[0], ::testing::HasSubstr("\"stream\":" + StreamPart("a", 1)));
  EXPECT_THAT(States(*write)[1], ::testing::HasSubstr("\"stream\":" + StreamPart("a", 3)));
  EXPECT_THAT(States(*write)[1],
              ::testing::ContainsRegex("\"destinationStats\":\\{\"recordCount\":2"));
}

TEST_F(StateOrderTest, StatesOfTwoStreamsFollowTheirRows) {
  const std::vector<std::string> streams = {"a", "b"};
  std::string input;
  constexpr int64_t kRecords = 4000;
  constexpr int64_t kEvery = 50;
  for (int64_t id = 1; id <= kRecords; ++id) {
    for (const std::string& stream : streams) {
      absl::StrAppend(&input, Record(stream, id));
      if (id % kEvery == 0) absl::StrAppend(&input, State(stream, id));
    }
  }
  for (const std::string& stream : streams) absl::StrAppend(&input, Complete(stream));
  const auto write = StartWrite(CatalogFile(streams), WriteFile("messages.jsonl", input));

  std::map<std::string, int64_t> last;
  size_t seen = 0;
  constexpr size_t kStates = 2 * kRecords / kEvery;
  ASSERT_TRUE(Eventually([&] {
    const bool ended = write->Wait(absl::ZeroDuration()).has_value();
    const std::vector<std::string> states = States(*write);
    for (; seen < states.size(); ++seen) {
      for (const std::string& stream : streams) {
        const int64_t expected = last[stream] + kEvery;
        if (!absl::StrContains(states[seen], StreamPart(stream, expected))) continue;
        EXPECT_GE(Count(stream), expected);
        last[stream] = expected;
      }
    }
    return ended;
  }));
  EXPECT_EQ(ExitCode(*write), 0);
  EXPECT_EQ(seen, kStates);
  // Each state was the next one of its stream, otherwise the test would have failed above.
  for (const std::string& stream : streams) EXPECT_EQ(last[stream], kRecords);
}

TEST_F(StateOrderTest, ExamplesOfARealSource) {
  const std::string examples = SYNCLINE_SOURCE_DIR "/examples/";
  ASSERT_OK_AND_ASSIGN(const std::string input, ReadFile(examples + "messages.jsonl"));
  std::map<std::string, std::vector<std::string>> sent;  // the `stream` objects by stream
  const std::vector<std::string> streams = {"users", "products", "purchases"};
  const auto part_of = [](const std::string& line) {
    const size_t begin = line.find("\"stream\":{");
    return line.substr(begin, line.find("}}", begin) + 2 - begin);
  };
  const auto stream_of = [&](const std::string& line) {
    for (const std::string& stream : streams) {
      if (absl::StrContains(line, absl::StrCat("{\"name\":\"", stream, "\"}"))) return stream;
    }
    return std::string();
  };
  for (const absl::string_view line : absl::StrSplit(input, '\n')) {
    if (!absl::StartsWith(line, "{\"type\":\"STATE\"")) continue;
    const std::string text(line);
    sent[stream_of(text)].push_back(part_of(text));
  }
  ASSERT_EQ(sent.size(), 3);

  const auto write = StartWrite(examples + "catalog_append.json", examples + "messages.jsonl");
  EXPECT_EQ(ExitCode(*write), 0);
  std::map<std::string, std::vector<std::string>> received;
  for (const std::string& state : States(*write)) {
    received[stream_of(state)].push_back(part_of(state));
  }
  EXPECT_EQ(received, sent);
  EXPECT_EQ(Count("users"), 200);
  EXPECT_EQ(Count("products"), 100);
  EXPECT_EQ(Count("purchases"), 200);

  // The same input as an overwrite of generation 2: the counts are the same, the generation is new.
  ProcessOptions options;
  options.arguments = {
      SYNCLINE_CLIENT_BINARY,      "write",     "--config",
      files().Path("config.json"), "--catalog", examples + "catalog_overwrite.json"};
  options.stdin_file = examples + "messages.jsonl";
  ASSERT_OK_AND_ASSIGN(const auto overwrite, Process::Start(options));
  EXPECT_EQ(ExitCode(*overwrite), 0);
  EXPECT_EQ(QueryText(absl::StrCat("SELECT count(*), min(_airbyte_generation_id), "
                                   "max(_airbyte_generation_id) FROM ",
                                   Table("users"))),
            (std::vector<std::vector<std::string>>{{"200", "2", "2"}}));
}

// The second run has more records, and its only state follows them. The checkpoints that the first
// run confirmed must not release it.
TEST_F(StateOrderTest, EarlierCheckpointsReleaseNoState) {
  std::string input;
  for (int64_t id = 1; id <= 100; ++id) {
    absl::StrAppend(&input, Record("a", id));
    if (id % 10 == 0) absl::StrAppend(&input, State("a", id));
  }
  const std::string catalog = CatalogFile({"a"});
  const auto first = StartWrite(catalog);
  ASSERT_OK(first->WriteStdin(input));
  ASSERT_TRUE(Eventually([&] { return States(*first).size() == 10; }));
  first->Kill();

  const auto gate = Connect();
  ASSERT_OK(
      gate->Execute(absl::StrCat("BEGIN; LOCK TABLE ", Table("a"), " IN ACCESS EXCLUSIVE MODE")));
  input.clear();
  for (int64_t id = 1; id <= 150; ++id) absl::StrAppend(&input, Record("a", id));
  const auto second = StartWrite(catalog);
  ASSERT_OK(second->WriteStdin(absl::StrCat(input, State("a", 150))));
  ASSERT_TRUE(Eventually([&] {
    return QueryInt(absl::StrCat("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = ",
                                 "to_regclass('", Table("a"), "')")) > 0;
  }));
  // The watch delivers the first run's checkpoints within a second.
  absl::SleepFor(absl::Seconds(2));
  EXPECT_THAT(States(*second), ::testing::IsEmpty());
  ASSERT_OK(gate->Execute("COMMIT"));
  ASSERT_TRUE(Eventually([&] { return States(*second).size() == 1; }));
  EXPECT_EQ(Count("a"), 150);
  second->CloseStdin();
  EXPECT_EQ(ExitCode(*second), 0);
}

TEST_F(StateOrderTest, GlobalStateWaitsForTheRowsOfEveryStream) {
  const auto write = StartWrite(CatalogFile({"a", "b"}));
  const auto global = [](int64_t cursor) {
    return absl::StrCat(R"({"type":"STATE","state":{"type":"GLOBAL","global":{"shared_state":)",
                        R"({"lsn":)", cursor, "}}}}\n");
  };
  ASSERT_OK(write->WriteStdin(absl::StrCat(Record("a", 1), Record("b", 1), global(1))));
  ASSERT_TRUE(Eventually([&] { return States(*write).size() == 1; }));
  const auto gate = Connect();
  ASSERT_OK(
      gate->Execute(absl::StrCat("BEGIN; LOCK TABLE ", Table("b"), " IN ACCESS EXCLUSIVE MODE")));
  ASSERT_OK(
      write->WriteStdin(absl::StrCat(Record("a", 2), Record("a", 3), Record("b", 2), global(2))));
  ASSERT_TRUE(Eventually([&] { return Count("a") == 3; }));
  absl::SleepFor(absl::Seconds(2));
  EXPECT_EQ(States(*write).size(), 1);
  ASSERT_OK(gate->Execute("COMMIT"));
  ASSERT_TRUE(Eventually([&] { return States(*write).size() == 2; }));
  EXPECT_EQ(Count("b"), 2);
  write->CloseStdin();
  EXPECT_EQ(ExitCode(*write), 0);
  EXPECT_EQ(States(*write).size(), 2);
}

TEST_F(StateOrderTest, WatchOnAnotherServerSeesEveryCheckpointOnce) {
  const auto other = StartServer();
  ASSERT_NE(other, nullptr);
  const auto client = server_->Client();
  ASSERT_OK(client->StartSync(OneStream("watched", "rows")));
  const std::string bytes("any\0bytes\xff", 10);
  const auto call = client->StreamRecords();
  ASSERT_TRUE(call->Write(Header("watched", "rows")));
  for (int64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(call->Write(Batch(i * 10, i * 10 + 10)));
    ASSERT_TRUE(call->Write(CheckpointOf(absl::StrCat("c", i), absl::StrCat(bytes, i))));
  }
  const auto watcher = other->Client();
  const auto watch = watcher->WatchSync("watched", 0);
  v1::WatchSyncResponse event;
  int64_t checkpoints = 0;
  int64_t sequence = 0;
  while (checkpoints < 20) {
    ASSERT_TRUE(watch->Read(&event));
    if (!event.has_checkpoint_committed()) continue;
    const v1::CheckpointCommitted& committed = event.checkpoint_committed();
    EXPECT_EQ(committed.checkpoint_id(), absl::StrCat("c", checkpoints));
    EXPECT_EQ(committed.state(), absl::StrCat(bytes, checkpoints));
    EXPECT_EQ(committed.offset(), checkpoints * 10 + 10);
    EXPECT_EQ(committed.records_since_last(), 10);
    EXPECT_GT(committed.sequence(), sequence);
    EXPECT_GE(Count("rows"), committed.offset());
    sequence = committed.sequence();
    ++checkpoints;
  }
  ASSERT_OK(call->Finish());
  ASSERT_OK(client->CompleteStream(Completion("watched", "rows")));
  bool stream_finished = false;
  bool sync_finished = false;
  while (!sync_finished && watch->Read(&event)) {
    EXPECT_FALSE(event.has_checkpoint_committed());
    stream_finished = stream_finished || event.has_stream_finished();
    sync_finished = event.has_sync_finished();
  }
  EXPECT_TRUE(stream_finished);
  EXPECT_TRUE(sync_finished);
  EXPECT_FALSE(watch->Read(&event));
  EXPECT_OK(watch->Finish());

  // A watch that starts after the 15th checkpoint receives only the last five.
  const auto later = watcher->WatchSync("watched", sequence - 5);
  checkpoints = 0;
  while (later->Read(&event)) checkpoints += event.has_checkpoint_committed() ? 1 : 0;
  EXPECT_OK(later->Finish());
  EXPECT_EQ(checkpoints, 5);
}

}  // namespace
}  // namespace syncline::testing

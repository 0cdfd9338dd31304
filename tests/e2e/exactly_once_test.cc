// No record is lost or duplicated: after any process is killed at any moment, the table equals the
// input.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/e2e/person_records.h"
#include "tests/support/e2e_fixture.h"
#include "tests/support/own_cluster.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/random_seed.h"

namespace syncline::testing {
namespace {

constexpr int64_t kRecords = 200'000;
constexpr int kKills = 20;

// Small blocks cause many commits, and thus many different moments at which to be killed.
std::vector<std::string> SmallBlocks() { return {"--flush_bytes=64KiB"}; }

class ExactlyOnceTest : public EndToEndTest {
 protected:
  ExactlyOnceTest() : seed_(RandomSeed()), random_(seed_), people_(kRecords, seed_) {}

  // Returns `count` random positions in the first nine tenths of the records, in ascending order.
  std::vector<int64_t> Positions(int count) {
    std::vector<int64_t> positions;
    for (int i = 0; i < count; ++i) {
      positions.push_back(static_cast<int64_t>(random_() % (kRecords * 9 / 10)));
    }
    std::sort(positions.begin(), positions.end());
    return positions;
  }

  std::vector<std::string> LoadArguments(const std::string& file,
                                         std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"load",        file,
                                          "--table",     absl::StrCat(schema(), ".people"),
                                          "--schema",    WriteFile("schema.json", kPersonSchema),
                                          "--sync_id",   "people",
                                          "--retry_for", "5m"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }

  // Waits until `position` records are durable, and then for a random time. Returns false if
  // `client` ends before that.
  bool ReachWhileRunning(Process& client, int64_t position) {
    int64_t polls = static_cast<int64_t>(random_() % 8);
    bool ended = false;
    EXPECT_TRUE(Eventually([&] {
      ended = client.Wait(absl::ZeroDuration()).has_value();
      return ended || (DurableRecords("people") >= position && --polls < 0);
    }));
    EXPECT_FALSE(ended) << "the load ended early: " << client.Stderr();
    return !ended;
  }

  void ExpectTableEqualsInput() {
    people_.ExpectIn(*Connect(), Table("people"), Table("expected"));
    EXPECT_EQ(DurableRecords("people"), kRecords);
  }

  const uint32_t seed_;
  std::minstd_rand random_;
  const PersonRecords people_;
};

TEST_F(ExactlyOnceTest, ServerKilledTwentyTimes) {
  const auto server = StartServer(SmallBlocks());
  ASSERT_NE(server, nullptr);
  const auto client =
      StartClient(*server, LoadArguments(WriteFile("people.jsonl", people_.Lines())));
  for (const int64_t position : Positions(kKills)) {
    ASSERT_TRUE(ReachWhileRunning(*client, position));
    server->Kill9();
    ASSERT_OK(server->Restart());
  }
  EXPECT_EQ(ExitCode(*client), 0);
  ExpectTableEqualsInput();
}

TEST_F(ExactlyOnceTest, CallerKilledTwentyTimes) {
  const auto server = StartServer(SmallBlocks());
  ASSERT_NE(server, nullptr);
  const std::vector<std::string> arguments =
      LoadArguments(WriteFile("people.jsonl", people_.Lines()), {"--mode", "overwrite"});
  Execute(absl::StrCat("CREATE TABLE ", Table("unrelated"), " (id bigint)"));
  std::unique_ptr<Process> client = StartClient(*server, arguments);
  for (const int64_t position : Positions(kKills)) {
    ASSERT_TRUE(ReachWhileRunning(*client, position));
    client->Kill();
    client = StartClient(*server, arguments);
  }
  EXPECT_EQ(ExitCode(*client), 0);
  ExpectTableEqualsInput();
  // The sync is complete, so another run loads nothing.
  EXPECT_EQ(RunClient(*server, arguments), 0);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("people"))), kRecords);
}

TEST_F(ExactlyOnceTest, TwoWritersOnTwoKilledServers) {
  std::vector<std::unique_ptr<ServerProcess>> servers;
  std::vector<std::unique_ptr<Process>> clients;
  const std::vector<std::pair<int64_t, int64_t>> parts = {{0, kRecords / 2},
                                                          {kRecords / 2, kRecords}};
  for (size_t i = 0; i < parts.size(); ++i) {
    servers.push_back(StartServer(SmallBlocks()));
    ASSERT_NE(servers.back(), nullptr);
    const std::string file = WriteFile(absl::StrCat("part", i, ".jsonl"),
                                       people_.Lines(parts[i].first, parts[i].second));
    clients.push_back(StartClient(
        *servers[i], LoadArguments(file, {"--keep_open", "--writer_id", absl::StrCat("w", i)})));
  }
  for (const int64_t position : Positions(6)) {
    ASSERT_TRUE(Eventually([&] { return DurableRecords("people") >= position; }));
    ASSERT_OK(servers[random_() % 2]->Restart());
  }
  for (const auto& client : clients) EXPECT_EQ(ExitCode(*client), 0);

  const auto client = servers[random_() % 2]->Client();
  v1::CompleteStreamRequest completion = Completion("people", "people");
  completion.set_expected_records(kRecords);
  absl::StatusOr<v1::CompleteStreamResponse> completed;
  ASSERT_TRUE(Eventually([&] {
    completed = client->CompleteStream(completion);
    // The lease of the killed server must expire first.
    return completed.ok() || GetReason(completed.status()) != "WRITERS_ACTIVE";
  }));
  ASSERT_OK(completed);
  EXPECT_EQ(completed->outcome(), v1::OUTCOME_APPENDED);
  EXPECT_EQ(completed->rows(), kRecords);
  ExpectTableEqualsInput();
}

TEST_F(ExactlyOnceTest, NewerCallOnAnotherServerFencesTheOlder) {
  const auto first = StartServer();
  const auto second = StartServer();
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  const auto one = first->Client();
  const auto two = second->Client();
  ASSERT_OK(one->StartSync(OneStream("fence", "rows")));

  const auto older = one->StreamRecords();
  ASSERT_TRUE(older->Write(Header("fence", "rows")));
  ASSERT_TRUE(older->Write(Batch(0, 100)));
  ASSERT_TRUE(older->Write(CheckpointOf("half", "state")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("fence") == 100; }));

  const auto newer = two->StreamRecords();
  ASSERT_TRUE(newer->Write(Header("fence", "rows")));
  ASSERT_TRUE(newer->Write(Batch(100, 200)));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse written, newer->Finish());
  EXPECT_EQ(written.durable_offset(), 200);
  EXPECT_EQ(written.records_written(), 100);

  older->Write(Batch(100, 150));
  EXPECT_THAT(older->Finish(), StatusIs(absl::StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 200);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table("rows"))), 200);
  EXPECT_OK(two->CompleteStream(Completion("fence", "rows")));
}

// Returns whether all threads have stopped. SIGSTOP takes a moment to stop them.
bool IsStopped(pid_t pid) {
  const std::filesystem::path threads = absl::StrCat("/proc/", pid, "/task");
  for (const auto& thread : std::filesystem::directory_iterator(threads)) {
    std::ifstream stat(thread.path() / "stat");
    const std::string text(std::istreambuf_iterator<char>(stat), {});
    // The state follows the name, which is in parentheses and may contain any character.
    const size_t state = text.rfind(')') + 2;
    if (state >= text.size() || text[state] != 'T') return false;
  }
  return true;
}

// The server is frozen at the worst moment: its rows are sent, it holds the lock of the writer's
// row, and it has not committed.
TEST_F(ExactlyOnceTest, FrozenServerCommitsNothingAfterwards) {
  const auto frozen = StartServer();
  const auto healthy = StartServer();
  ASSERT_NE(frozen, nullptr);
  ASSERT_NE(healthy, nullptr);
  const auto one = frozen->Client();
  const auto two = healthy->Client();
  ASSERT_OK(one->StartSync(OneStream("frozen", "rows")));
  const auto older = one->StreamRecords();
  ASSERT_TRUE(older->Write(Header("frozen", "rows")));
  ASSERT_TRUE(older->Write(Batch(0, 100)));
  ASSERT_TRUE(older->Write(CheckpointOf("first", "state")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("frozen") == 100; }));

  const auto sessions = [&](absl::string_view condition) {
    return QueryInt(
        absl::StrCat("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'UPDATE \"", ledger(),
                     "\".writer%' AND ", condition));
  };
  const auto locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("SELECT FROM ", ledger(), ".writer FOR UPDATE")));
  ASSERT_TRUE(older->Write(Batch(100, 600)));  // more than one statement would commit
  ASSERT_TRUE(older->Write(CheckpointOf("second", "state")));
  ASSERT_TRUE(Eventually([&] { return sessions("wait_event_type = 'Lock'") == 1; }));
  frozen->Signal(SIGSTOP);
  ASSERT_TRUE(Eventually([&] { return IsStopped(frozen->pid()); }));
  ASSERT_OK(locker->Commit());
  ASSERT_TRUE(Eventually([&] { return sessions("state = 'idle in transaction'") == 1; }));

  // Until PostgreSQL ends the frozen transaction, the caller is told to try again.
  absl::StatusOr<v1::StreamRecordsResponse> written;
  EXPECT_TRUE(Eventually([&] {
    written = Send(*two, "frozen", "rows", 100, 700);
    if (written.ok()) return true;
    EXPECT_THAT(written, StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
    EXPECT_TRUE(GetDetail(written.status()).retry_after.has_value());
    return false;
  }));
  ASSERT_OK(written);
  EXPECT_EQ(written->durable_offset(), 700);
  EXPECT_EQ(written->records_written(), 600);

  frozen->Signal(SIGCONT);
  EXPECT_FALSE(older->Finish().ok());
  EXPECT_OK(frozen->WaitUntilServing(absl::Seconds(30)));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rows"))), 700);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table("rows"))), 700);
  EXPECT_OK(one->CompleteStream(Completion("frozen", "rows")));
}

TEST_F(ExactlyOnceTest, NewerCallOnTheSameServerFencesTheOlder) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("fence", "rows")));
  const auto older = client->StreamRecords();
  ASSERT_TRUE(older->Write(Header("fence", "rows")));
  ASSERT_TRUE(older->Write(Batch(0, 10)));
  ASSERT_TRUE(older->Write(CheckpointOf("1", "state")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("fence") == 10; }));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse written,
                       Send(*client, "fence", "rows", 0, 20));
  EXPECT_EQ(written.records_skipped(), 10);
  EXPECT_EQ(written.records_written(), 10);
  EXPECT_THAT(older->Finish(), StatusIs(absl::StatusCode::kAborted, "FENCED"));
  EXPECT_OK(client->CompleteStream(Completion("fence", "rows")));
}

// The database is stopped immediately, so only its write-ahead log has what was committed.
class DatabaseCrashTest : public WithOwnCluster<ExactlyOnceTest> {};

TEST_F(DatabaseCrashTest, DatabaseStoppedDuringASync) {
  const auto server = StartServer(SmallBlocks());
  ASSERT_NE(server, nullptr);
  const auto caller = server->Client();
  const auto client =
      StartClient(*server, LoadArguments(WriteFile("people.jsonl", people_.Lines())));
  for (const int64_t position : Positions(4)) {
    ASSERT_TRUE(Eventually([&] {
      const absl::StatusOr<v1::SyncSummary> sync = caller->GetSync("people");
      return sync.ok() && sync->streams_size() == 1 && sync->streams(0).writers_size() == 1 &&
             sync->streams(0).writers(0).durable_offset() >= position;
    }));
    cluster_->Stop(PostgresCluster::StopMode::kImmediate);
    ASSERT_OK(cluster_->Start());
  }
  EXPECT_EQ(ExitCode(*client), 0);
  people_.ExpectIn(*Connect(), Table("people"), Table("expected"));
}

}  // namespace
}  // namespace syncline::testing

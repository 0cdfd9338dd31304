// What happens in a Citus cluster when a node is lost, a lock is held on another node, or rows that
// were acknowledged are not visible yet.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/thread.h"
#include "server/postgres/connection/connection.h"
#include "tests/component/citus/citus_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AnyOf;

std::string Records(int first, int last, absl::string_view name, int at = 0) {
  std::string lines;
  for (int id = first; id <= last; ++id) lines += Record(id, name, at);
  return lines;
}

class CitusFailureTest : public CitusTest {
 protected:
  std::unique_ptr<postgres::Connection> ConnectTo(const std::string& dsn) {
    postgres::ConnectionOptions options;
    options.conninfo = dsn;
    absl::StatusOr<std::unique_ptr<postgres::Connection>> connection =
        postgres::Connection::Open(options);
    EXPECT_OK(connection.status());
    return connection.ok() ? *std::move(connection) : nullptr;
  }

  // Repeats the call until it succeeds or its error persists, for at most a minute. Does what the
  // maintenance daemon of Citus would do once a minute.
  absl::Status Persist(absl::FunctionRef<absl::Status()> call) {
    absl::Status status = call();
    for (int i = 0; i < 120 && IsRetryable(status); ++i) {
      absl::SleepFor(absl::Milliseconds(500));
      QueryValue("SELECT recover_prepared_transactions()");
      status = call();
    }
    return status;
  }

  void CompleteInTheEnd(absl::string_view sync_id) {
    EXPECT_OK(Persist([&] { return Complete(sync_id).status(); }));
  }

  void PrepareStagedRow(int id) { PrepareRow(StagingTable(), id); }

  // Adds a row of generation 0 to a shard of the table as a transaction that is committed on the
  // coordinator, and prepared on the worker, which crashed before it was told.
  void PrepareRow(const std::string& table, int id) {
    const std::string shard = QueryValue(absl::StrCat(
        "SELECT get_shard_id_for_distribution_column('", table, "', ", id, "::bigint)"));
    const std::string port =
        QueryValue("SELECT nodeport FROM pg_dist_shard_placement WHERE shardid = " + shard);
    const size_t worker = port == absl::StrCat(cluster().worker(1).port()) ? 1 : 2;
    const std::string name =
        QueryValue(absl::StrCat("SELECT shard_name('", table, "'::regclass, ", shard, "::bigint)"));
    const std::string gid = absl::StrCat("citus_0_999999_1_", id);
    const auto connection = ConnectTo(cluster().worker(worker).dsn());
    ASSERT_NE(connection, nullptr);
    EXPECT_OK(connection->Execute("SET citus.enable_manual_changes_to_shards = on"));
    EXPECT_OK(connection->Execute("BEGIN"));
    EXPECT_OK(connection->Execute(absl::StrCat(
        "INSERT INTO ", name,
        " (_airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta, _airbyte_generation_id, id, name)"
        " VALUES ('in doubt', now(), '{}', 0, ",
        id, ", 'in doubt')")));
    EXPECT_OK(connection->Execute(absl::StrCat("PREPARE TRANSACTION '", gid, "'")));
    const std::string group =
        QueryValue(absl::StrCat("SELECT groupid FROM pg_dist_node WHERE nodeport = ", port));
    Execute(absl::StrCat("INSERT INTO pg_dist_transaction (groupid, gid) VALUES (", group, ", '",
                         gid, "')"));
  }
};

TEST_F(CitusFailureTest, MergeWaitsForRowsInDoubt) {
  RestartServer({"--swap_deadline=2s"});
  Distribute("id");
  for (const Ask& ask : {Dedup(0), Replace(1)}) {
    const std::string sync_id = absl::StrCat("s", ask.minimum);
    ASSERT_OK(Start(sync_id, ask).status());
    ASSERT_OK(Send(sync_id, Records(1, 20, "a")).status());
    PrepareStagedRow(1000 + static_cast<int>(ask.minimum));
    const absl::Status waits = Complete(sync_id).status();
    EXPECT_THAT(GetReason(waits), AnyOf("LOCK_NOT_AVAILABLE", "SWAP_LOCKED"));
    EXPECT_TRUE(IsRetryable(waits));
    CompleteInTheEnd(sync_id);
    EXPECT_EQ(Value("SELECT count(*) FROM $S.users"), "21");
    EXPECT_EQ(Value("SELECT count(*) FROM $S.users WHERE name = 'in doubt'"), "1");
  }
}

// Also rows of older generations that are in doubt are marked.
TEST_F(CitusFailureTest, MarkingWaitsForRowsInDoubt) {
  RestartServer({"--swap_deadline=2s"});
  Distribute("id");
  Run("ALTER TABLE $S.users ADD COLUMN gone timestamptz");
  Load("s1", Append(0), Records(1, 20, "a"));
  Ask ask = Append(1);
  ask.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},)"
      R"("gone":{"type":"string","format":"date-time"}}})";
  v1::StartSyncRequest request;
  request.set_sync_id("s2");
  *request.add_streams() = Stream(ask);
  request.mutable_streams(0)->set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
  request.mutable_streams(0)->set_deleted_at_column("gone");
  ASSERT_OK(client().StartSync(request).status());
  ASSERT_OK(Send("s2", Records(30, 31, "b")).status());
  PrepareRow(Table(kTable), 1000);
  const absl::Status waits = Complete("s2").status();
  EXPECT_TRUE(IsRetryable(waits)) << waits;
  CompleteInTheEnd("s2");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users WHERE gone IS NULL"), "2");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users WHERE gone IS NOT NULL"), "21");
}

TEST_F(CitusFailureTest, ALostWorkerIsUnavailable) {
  PostgresCluster& worker = cluster().worker(1);
  Distribute("id");
  Load("s0", Append(0), Records(1, 10, "old"));
  for (const Ask& ask : {Append(0), Dedup(0), Replace(1)}) {
    const bool staged = ask.mode == v1::WRITE_MODE_DEDUP || ask.minimum > 0;
    const std::string sync_id = absl::StrCat("s", staged, ask.minimum);
    const auto send = [&] { return Send(sync_id, Records(21, 30, "b"), 10).status(); };
    ASSERT_OK(Start(sync_id, ask).status());
    ASSERT_OK(Send(sync_id, Records(11, 20, "a")).status());
    worker.Stop(PostgresCluster::StopMode::kImmediate);
    const absl::Status lost = send();
    EXPECT_TRUE(IsRetryable(lost)) << lost;
    ASSERT_OK(worker.Start());
    EXPECT_OK(Persist(send));
    if (staged) {
      worker.Stop(PostgresCluster::StopMode::kImmediate);
      const absl::Status refused = Complete(sync_id).status();
      EXPECT_TRUE(IsRetryable(refused)) << refused;
      ASSERT_OK(worker.Start());
    }
    CompleteInTheEnd(sync_id);
    EXPECT_EQ(Value("SELECT count(*) FROM $S.users WHERE id > 10"), "20");
  }
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users"), "20");
  EXPECT_EQ(TargetPlacement(), "hash id");
}

TEST_F(CitusFailureTest, LocksOnWorkersAreBounded) {
  RestartServer({"--swap_deadline=1s"});
  Distribute("id");
  Load("s1", Append(0), Records(1, 10, "a"));
  const auto reader = ConnectTo(cluster().worker(2).dsn());
  ASSERT_NE(reader, nullptr);
  ASSERT_OK(reader->Execute("BEGIN"));
  ASSERT_OK(reader->Execute(absl::StrCat("SELECT count(*) FROM ", Table(kTable))));
  ASSERT_OK(Start("s2", Replace(1)).status());
  ASSERT_OK(Send("s2", Records(1, 5, "b")).status());
  const absl::Status locked = Complete("s2").status();
  EXPECT_THAT(locked, StatusIs(absl::StatusCode::kAborted, "SWAP_LOCKED"));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users"), "10");
  reader->Rollback();
  CompleteInTheEnd("s2");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users"), "5");
}

TEST_F(CitusFailureTest, ReadersSeeOneGeneration) {
  Distribute("id");
  Load("s0", Replace(1), Records(1, 200, "a"));
  std::atomic<bool> stop = false;
  int64_t reads = 0;
  int64_t mixed = 0;
  const auto connection = ConnectTo(dsn());
  auto reader = std::make_unique<Thread>("reader", [&] {
    while (!stop) {
      const auto result = connection->Query(
          absl::StrCat("SELECT count(*) || ' ' || count(DISTINCT _airbyte_generation_id) FROM ",
                       Table(kTable)),
          {});
      EXPECT_OK(result.status());
      if (!result.ok()) return;
      ++reads;
      if (result->Text(0, 0) != "200 1") ++mixed;
    }
  });
  for (int generation = 2; generation <= 6; ++generation) {
    const Ask ask = generation % 2 == 0 ? Replace(generation) : DedupReplace(generation);
    Load(absl::StrCat("s", generation), ask, Records(1, 200, "b"));
  }
  stop = true;
  reader.reset();
  EXPECT_GT(reads, 0);
  EXPECT_EQ(mixed, 0);
}

}  // namespace
}  // namespace syncline::testing

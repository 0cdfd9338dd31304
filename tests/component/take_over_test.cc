// Syncs that race for tables: replaces of tables under one view, and syncs that take over a table
// from each other. Every result is one that docs/loading.md allows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/thread.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string People(int64_t from, int64_t to) {
  std::string lines;
  for (int64_t id = from; id <= to; ++id) absl::StrAppend(&lines, Record(id, "a"));
  return lines;
}

// Runs `body(thread)` on `threads` threads at once.
void RunThreads(int threads, const std::function<void(int)>& body) {
  std::vector<std::unique_ptr<Thread>> running;
  for (int thread = 0; thread < threads; ++thread) {
    running.push_back(std::make_unique<Thread>("race", [&body, thread] { body(thread); }));
  }
}

class TakeOverTest : public AppTest {
 protected:
  // Starts, sends and completes one replace of `table`.
  absl::Status ReplaceTable(const std::string& sync_id, int64_t generation,
                            absl::string_view table) {
    absl::Status status = Start(sync_id, Replace(generation), table).status();
    if (status.ok()) status = Send(sync_id, People(1, 20), 0, table).status();
    if (status.ok()) status = Complete(sync_id, v1::STREAM_STATUS_COMPLETE, table).status();
    return status;
  }
};

TEST_F(TakeOverTest, ReplacesUnderOneViewDoNotConflict) {
  const std::vector<std::string> tables = {"left_side", "right_side"};
  for (const std::string& table : tables) {
    ASSERT_OK(ReplaceTable(absl::StrCat("first-", table), 1, table));
  }
  for (int i = 0; i < 5; ++i) {
    Execute(absl::StrCat("CREATE VIEW ", Table(absl::StrCat("both", i)), " AS SELECT l.id, r.name ",
                         "FROM ", Table(tables[0]), " l JOIN ", Table(tables[1]), " r USING (id)"));
  }
  constexpr int kReplaces = 12;
  std::vector<absl::Status> failures(tables.size());
  RunThreads(static_cast<int>(tables.size()), [&](int thread) {
    const std::string& table = tables[static_cast<size_t>(thread)];
    for (int64_t run = 2; run <= kReplaces; ++run) {
      failures[static_cast<size_t>(thread)].Update(
          ReplaceTable(absl::StrCat(table, run), run, table));
    }
  });
  for (const absl::Status& failure : failures) EXPECT_OK(failure);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("both0"))), 20);
}

TEST_F(TakeOverTest, RacingSyncsAnswerAsDocumented) {
  const std::set<std::string> expected = {"STALE_GENERATION", "SYNC_CANCELLED", "SUPERSEDED",
                                          "FENCED", "SWAP_LOCKED"};
  ASSERT_OK(ReplaceTable("first", 1, kTable));
  Execute(absl::StrCat("CREATE VIEW ", Table("seen"), " AS SELECT id FROM ", Table(kTable)));
  std::atomic<int64_t> generation = 1;
  std::atomic<int> completed = 0;
  constexpr int kThreads = 3;
  std::vector<std::string> surprises(kThreads);
  RunThreads(kThreads, [&](int thread) {
    for (int run = 0; run < 15; ++run) {
      const int64_t mine = ++generation;
      const absl::Status status = ReplaceTable(absl::StrCat("t", thread, "-", run), mine, kTable);
      completed += status.ok() ? 1 : 0;
      if (status.ok() || expected.count(GetReason(status)) > 0) continue;
      absl::StrAppend(&surprises[static_cast<size_t>(thread)], status.ToString(), " ");
    }
  });
  for (const std::string& surprise : surprises) EXPECT_EQ(surprise, "");
  EXPECT_GT(completed, 0);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("seen"))), 20);
}

TEST_F(TakeOverTest, CompletionOfCancelledSyncIsRefused) {
  ASSERT_OK(Start("s1", Replace(1)));
  ASSERT_OK(Send("s1", People(1, 2)));
  ASSERT_OK(client().CancelSync("s1"));
  EXPECT_EQ(GetReason(Complete("s1").status()), "SYNC_CANCELLED");
}

// A call that is creating a table when its stream is cancelled. The creation waits until the test
// releases it, and then fails for that session only.
class InterruptedCallTest : public TakeOverTest {
 protected:
  void SetUp() override {
    TakeOverTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute(absl::StrCat("CREATE TABLE ", Table("held"), " AS SELECT 1 AS x"));
  }

  void TearDown() override {
    if (!schema().empty()) Execute("DROP EVENT TRIGGER IF EXISTS " + schema());
    TakeOverTest::TearDown();
  }

  // Makes the creation of `users` fail with this error.
  void FailCreation(const std::string& sqlstate, const std::string& message) {
    Execute(absl::StrCat(
        "CREATE FUNCTION ", Table("hold"), "() RETURNS event_trigger LANGUAGE plpgsql AS $$ ",
        "DECLARE waited boolean := false; BEGIN IF EXISTS (SELECT FROM "
        "pg_event_trigger_ddl_commands() WHERE object_identity = '",
        schema(), ".users') THEN WHILE EXISTS (SELECT FROM ", Table("held"), ") LOOP ",
        "waited := true; PERFORM pg_sleep(0.01); END LOOP; IF waited THEN RAISE USING ERRCODE = '",
        sqlstate, "', MESSAGE = '", message, "'; END IF; END IF; END $$; CREATE EVENT TRIGGER ",
        schema(), " ON ddl_command_end WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION ",
        Table("hold"), "()"));
  }

  // Starts a StartSync and waits until it is blocked in the creation of its table.
  std::future<absl::StatusOr<v1::StartSyncResponse>> StartAndWait(bool allow_partial) {
    v1::StartSyncRequest request;
    request.set_sync_id("first");
    request.set_allow_partial(allow_partial);
    *request.add_streams() = Stream(Append(0), kTable);
    *request.add_streams() = Stream(Append(0), "second");
    auto started =
        std::async(std::launch::async, [this, request] { return client().StartSync(request); });
    WaitForCreation();
    return started;
  }

  void WaitForCreation() {
    while (QueryInt("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query "
                    "LIKE 'CREATE TABLE%" +
                    schema() + "%'") == 0) {
    }
  }

  void ReleaseCreation() { Execute("DELETE FROM " + Table("held")); }
};

TEST_F(InterruptedCallTest, StartErrorAfterCancelIsCancellation) {
  FailCreation("XX001", "table changed by another session");
  auto started = StartAndWait(/*allow_partial=*/false);
  ASSERT_OK(client().CancelSync("first"));
  ReleaseCreation();
  EXPECT_THAT(started.get().status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

TEST_F(InterruptedCallTest, PartialStartContinuesWithOtherStreams) {
  FailCreation("XX001", "table changed by another session");
  auto started = StartAndWait(/*allow_partial=*/true);
  Execute(absl::StrCat("UPDATE ", ledger(), ".stream SET state = 'cancelled' WHERE table_name = '",
                       kTable, "'"));
  ReleaseCreation();
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse plans, started.get());
  EXPECT_EQ(plans.streams(0).state(), v1::STREAM_STATE_CANCELLED);
  EXPECT_FALSE(plans.streams(0).has_error());
  EXPECT_EQ(plans.streams(1).state(), v1::STREAM_STATE_OPEN);
  EXPECT_OK(Send("first", People(1, 2), 0, "second"));
}

// Whichever of them gets the table's lock next, the newer sync takes the table over.
TEST_F(InterruptedCallTest, VanishedRelationIsRetriedOrLeftToNewerSync) {
  FailCreation("XX000", "could not open relation with OID 1");
  auto started = StartAndWait(/*allow_partial=*/false);
  auto newer = std::async(std::launch::async, [&] { return Start("newer", Replace(1)).status(); });
  const std::string lock =
      absl::StrCat("hashtextextended('table/", schema(), ".users', 1937337955)");
  while (QueryInt(absl::StrCat("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT "
                               "granted AND (classid::bigint << 32) + objid::bigint = ",
                               lock)) == 0) {
  }
  ReleaseCreation();
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse plans, started.get());
  EXPECT_FALSE(plans.streams(0).has_error());
  EXPECT_EQ(plans.streams(1).state(), v1::STREAM_STATE_OPEN);
  ASSERT_OK(newer.get());
  EXPECT_EQ(GetReason(Complete("first").status()), "SYNC_CANCELLED");
}

// The completion holds the table's lock for as long as it runs.
TEST_F(InterruptedCallTest, StartNamesTheSessionThatCompletesAnEarlierSync) {
  RestartServer({"--swap_deadline=500ms"});
  FailCreation("XX000", "could not open relation with OID 1");
  ASSERT_OK(Start("first", Dedup(0)));
  auto completed = std::async(std::launch::async, [&] { return Complete("first").status(); });
  WaitForCreation();
  const absl::Status newer = Start("newer", Replace(1)).status();
  EXPECT_THAT(newer, StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  EXPECT_TRUE(GetDetail(newer).retry_after.has_value());
  EXPECT_THAT(std::string(newer.message()),
              AllOf(HasSubstr("users: pid "), HasSubstr("(syncline), transaction open for ")));
  ReleaseCreation();
  EXPECT_OK(completed.get());
  EXPECT_OK(Start("newer", Replace(1)));
}

// Changes the ledger as the newer sync would. That sync cannot start here because of the table's
// lock.
TEST_F(InterruptedCallTest, CompletionErrorAfterTakeOverIsSuperseded) {
  FailCreation("XX000", "could not open relation with OID 1");
  ASSERT_OK(Start("first", Dedup(0)));
  auto completed = std::async(std::launch::async, [&] { return Complete("first").status(); });
  WaitForCreation();
  Execute(absl::StrCat("UPDATE ", ledger(), ".stream SET state = 'cancelled'; INSERT INTO ",
                       ledger(), ".stream OVERRIDING SYSTEM VALUE SELECT ",
                       "(jsonb_populate_record(s, '{\"stream_no\": 9999, \"ordinal\": 9, \"name\": "
                       "\"newer\"}')).* FROM ",
                       ledger(), ".stream s"));
  ReleaseCreation();
  EXPECT_THAT(completed.get(), StatusIs(absl::StatusCode::kAborted, "SUPERSEDED"));
}

TEST_F(InterruptedCallTest, CompletionErrorAfterCancelIsCancellation) {
  FailCreation("XX000", "could not open relation with OID 1");
  ASSERT_OK(Start("first", Dedup(0)));
  auto completed = std::async(std::launch::async, [&] { return Complete("first").status(); });
  WaitForCreation();
  ASSERT_OK(client().CancelSync("first"));
  ReleaseCreation();
  EXPECT_THAT(completed.get(), StatusIs(absl::StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

}  // namespace
}  // namespace syncline::testing

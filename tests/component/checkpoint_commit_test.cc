// What a checkpoint costs: statements, locks and stored states. Numbers are assigned after the
// commit, in the order of each writer's offsets, whichever servers assign them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "server/postgres/ledger/checkpoint_reader.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CheckpointCommitTest : public testing::WritePathTest {
 protected:
  // Commits records [begin, end) without rows, with the checkpoints.
  absl::Status Commit(postgres::Connection& connection, const WriterClaim& claim, int64_t begin,
                      int64_t end, const std::vector<PendingCheckpoint>& checkpoints) {
    postgres::DataCommit commit;
    commit.offsets.Add({begin, end});
    commit.rejected.push_back({begin, "INVALID_JSON", "bad"});
    commit.fields["f"].nulled = 1;
    SYNCLINE_RETURN_IF_ERROR(connection.Begin());
    absl::Status status = committer_->AdvanceOffset(connection, claim, commit).status();
    if (status.ok()) {
      status = committer_->WriteRejected(connection, claim, commit.rejected, int64_t{1} << 20);
    }
    if (status.ok()) status = committer_->WriteCounts(connection, claim, commit.fields);
    if (status.ok()) status = committer_->WriteCheckpoints(connection, claim, checkpoints);
    if (status.ok()) return connection.Commit();
    connection.Rollback();
    return status;
  }

  // How many statements with parameters `connection` has run, including this one.
  static int64_t CountStatements(postgres::Connection& connection) {
    const absl::StatusOr<postgres::Result> rows = connection.Query(
        "SELECT coalesce(sum(generic_plans + custom_plans), 0)::bigint FROM pg_prepared_statements",
        {});
    EXPECT_OK(rows);
    return rows.ok() ? rows->Int(0, 0) : 0;
  }

  std::vector<std::vector<std::string>> Checkpoints() {
    return QueryText(absl::StrCat("SELECT checkpoint_id, \"offset\", records_since_last FROM ",
                                  Table("checkpoint"), " ORDER BY writer_id, number"));
  }

  PendingCheckpoint Global(const std::string& id,
                           const std::vector<std::pair<std::string, int64_t>>& positions) const {
    PendingCheckpoint checkpoint = {id, 0, "state of " + id};
    for (const auto& [writer_id, offset] : positions) {
      checkpoint.positions.push_back({plan_.descriptor, writer_id, offset});
    }
    return checkpoint;
  }
};

TEST_F(CheckpointCommitTest, TenThousandTakeAsManyStatementsAsOne) {
  constexpr int kMany = 10'000;
  const WriterClaim claim = Claim("w").claim;
  const std::unique_ptr<postgres::Connection> lane = Connect();
  const int64_t start = CountStatements(*lane);
  ASSERT_OK(Commit(*lane, claim, 0, 1, {{"first", 1, "s"}}));
  const int64_t one = CountStatements(*lane) - start;
  std::vector<PendingCheckpoint> many;
  for (int n = 1; n <= kMany; ++n) many.push_back({absl::StrCat(n), 1 + n, "s"});
  const int64_t before = CountStatements(*lane);
  ASSERT_OK(Commit(*lane, claim, 1, 1 + kMany, many));
  EXPECT_EQ(CountStatements(*lane) - before, one);
  EXPECT_EQ(QueryText(absl::StrCat("SELECT count(*), sum(records_since_last), max(\"offset\"), "
                                   "max(number) FROM ",
                                   Table("checkpoint"))),
            (std::vector<std::vector<std::string>>{{"10001", "10001", "10001", "10001"}}));
  EXPECT_THAT(store_->NumberCheckpoints({sync_no_})->numbered, ElementsAre(sync_no_));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT sequence) FROM ", Table("checkpoint"),
                                  " WHERE sequence = \"offset\"")),
            kMany + 1);
}

TEST_F(CheckpointCommitTest, OffsetsOfWriterNeverGoBack) {
  const WriterClaim claim = Claim("w").claim;
  const std::unique_ptr<postgres::Connection> lane = Connect();
  ASSERT_OK(Commit(*lane, claim, 0, 20, {{"a", 4, "s"}, {"b", 10, "s"}}));
  ASSERT_OK(Commit(*lane, claim, 20, 21, {{"c", 7, "s"}, {"b", 10, "s"}, {"d", 12, "s"}}));
  EXPECT_THAT(Checkpoints(), ElementsAre(ElementsAre("a", "4", "4"), ElementsAre("b", "10", "6"),
                                         ElementsAre("c", "10", "0"), ElementsAre("d", "12", "2")));
}

TEST_F(CheckpointCommitTest, CommitLocksNoSharedRow) {
  const WriterClaim claim = Claim("w").claim;
  const WriterClaim other = Claim("other").claim;
  const std::unique_ptr<postgres::Connection> blocker = Connect();
  ASSERT_OK(blocker->Begin());
  for (const char* const table : {"sync", "stream", "generation"}) {
    ASSERT_OK(blocker->Execute(absl::StrCat("SELECT 1 FROM ", Table(table), " FOR UPDATE")));
  }
  const std::unique_ptr<postgres::Connection> lane = Connect();
  ASSERT_OK(lane->Execute("SET lock_timeout = '5s'"));
  EXPECT_OK(Commit(*lane, claim, 0, 5,
                   {{"c", 5, "s"},
                    Global("g1", {{"w", 5}, {"other", 2}}),
                    Global("g2", {{"w", 5}, {"other", 3}})}));
  // The first commit of a writer neither.
  EXPECT_OK(Commit(*lane, other, 0, 2, {{"o", 2, "s"}}));
  // A sync whose row is locked is left to the next call.
  ASSERT_OK_AND_ASSIGN(const postgres::CheckpointNumbering skipped,
                       store_->NumberCheckpoints({sync_no_}));
  EXPECT_THAT(skipped.numbered, IsEmpty());
  EXPECT_THAT(skipped.locked, ElementsAre(sync_no_));
  blocker->Rollback();
  EXPECT_THAT(store_->NumberCheckpoints({sync_no_})->numbered, ElementsAre(sync_no_));
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(checkpoint_id || sequence, ' ') FROM ",
                                    Table("global_checkpoint"))),
            "g13")
      << "g2 waits for the other writer";
}

TEST_F(CheckpointCommitTest, GlobalCheckpointIsAnnouncedAfterLastOfItsCommits) {
  load_.changed = &store_->changed();
  write::InsertBuffer first(&load_, plan_, "sync", Claim("a").claim);
  Fill(first, 0, 2);
  ASSERT_OK(testing::FlushAll(first, [&](int64_t) {
    return std::vector<PendingCheckpoint>{Global("g", {{"a", 2}, {"b", 3}})};
  }));
  ASSERT_OK(store_->AnnounceChanges());
  write::InsertBuffer second(&load_, plan_, "sync", Claim("b").claim);
  Fill(second, 0, 3);
  const std::string numbered =
      absl::StrCat("SELECT count(sequence) FROM ", Table("global_checkpoint"));
  EXPECT_EQ(QueryInt(numbered), 0);
  // This commit has no checkpoint.
  ASSERT_OK(testing::FlushAll(second));
  ASSERT_OK(store_->AnnounceChanges());
  EXPECT_EQ(QueryInt(numbered), 1);
}

// Older servers assign numbers in their data transactions.
TEST_F(CheckpointCommitTest, NumbersAreUniqueAndOrderedAmongServersOfAllVersions) {
  constexpr int kCommits = 40;
  std::atomic<bool> done = false;
  {
    std::vector<std::unique_ptr<Thread>> numbering;
    for (int n = 0; n < 2; ++n) {
      numbering.push_back(std::make_unique<Thread>("number", [&] {
        while (!done) EXPECT_OK(store_->NumberCheckpoints({sync_no_}));
      }));
    }
    std::vector<std::unique_ptr<Thread>> threads;
    for (int n = 0; n < 3; ++n) {
      threads.push_back(std::make_unique<Thread>("write", [this, n] {
        const WriterClaim claim = Claim(absl::StrCat("new", n)).claim;
        const std::unique_ptr<postgres::Connection> lane = Connect();
        for (int i = 0; i < kCommits; ++i) {
          EXPECT_OK(
              Commit(*lane, claim, i, i + 1,
                     {{absl::StrCat(i, "a"), i + 1, "s"}, {absl::StrCat(i, "b"), i + 1, ""}}));
        }
      }));
    }
    threads.push_back(std::make_unique<Thread>("old", [this] {
      const WriterClaim claim = Claim("old").claim;
      const std::unique_ptr<postgres::Connection> lane = Connect();
      for (int i = 0; i < kCommits; ++i) {
        EXPECT_OK(lane->Begin());
        EXPECT_OK(lane->Execute(absl::StrCat(
            "WITH s AS (UPDATE ", Table("sync"), " SET last_sequence = last_sequence + 1 WHERE ",
            "sync_no = ", sync_no_, " RETURNING last_sequence) INSERT INTO ", Table("checkpoint"),
            " (sync_no, sequence, stream_no, writer_id, checkpoint_id, \"offset\", ",
            "records_since_last, state) SELECT ", sync_no_, ", last_sequence, ", claim.stream_no,
            ", 'old', '", i, "', ", i, ", 0, '' FROM s ON CONFLICT (stream_no, writer_id, ",
            "checkpoint_id) DO NOTHING")));
        EXPECT_OK(lane->Commit());
      }
    }));
    threads.clear();
    done = true;
  }
  ASSERT_OK(store_->NumberCheckpoints({sync_no_}));
  const std::string table = Table("checkpoint");
  EXPECT_EQ(QueryText(absl::StrCat("SELECT count(*), count(DISTINCT sequence), max(sequence) FROM ",
                                   table)),
            (std::vector<std::vector<std::string>>{{"280", "280", "280"}}));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT last_sequence FROM ", Table("sync"))), 280);
  EXPECT_EQ(QueryInt(absl::StrCat(
                "SELECT count(*) FROM (SELECT number, lag(number) OVER (PARTITION BY writer_id "
                "ORDER BY sequence) AS before FROM ",
                table, ") c WHERE before > number")),
            0);
}

TEST_F(CheckpointCommitTest, StateIsDroppedOneMinuteAfterNextOneWasNumbered) {
  const WriterClaim a = Claim("a").claim;
  const WriterClaim b = Claim("b").claim;
  const std::unique_ptr<postgres::Connection> lane = Connect();
  ASSERT_OK(Commit(*lane, a, 0, 3,
                   {{"a1", 1, "s"},
                    {"a2", 2, "s"},
                    {"a3", 3, "s"},
                    Global("g1", {{"a", 1}}),
                    Global("g2", {{"a", 2}})}));
  ASSERT_OK(Commit(*lane, b, 0, 3, {{"b1", 1, "s"}, {"b2", 2, ""}}));
  const auto kept = [&] {
    return QueryValue(absl::StrCat(
        "SELECT string_agg(checkpoint_id || CASE WHEN state_dropped THEN '-' ELSE '' END, ' ' ",
        "ORDER BY checkpoint_id) FROM (SELECT checkpoint_id, state_dropped, state FROM ",
        Table("checkpoint"), " UNION ALL SELECT checkpoint_id, state_dropped, state FROM ",
        Table("global_checkpoint"), ") c WHERE state <> '' OR state_dropped"));
  };
  const auto age = [&](const std::string& id, const std::string& by) {
    for (const char* const table : {"checkpoint", "global_checkpoint"}) {
      Execute(absl::StrCat("UPDATE ", Table(table), " SET numbered_at = numbered_at - interval '",
                           by, "' WHERE checkpoint_id = '", id, "'"));
    }
  };
  ASSERT_OK(store_->DropAllStates([] { return true; }));
  EXPECT_EQ(kept(), "a1 a2 a3 b1 g1 g2") << "nothing has a number";
  ASSERT_OK(store_->NumberCheckpoints({sync_no_}));
  ASSERT_OK(store_->DropRecentStates());
  EXPECT_EQ(kept(), "a1 a2 a3 b1 g1 g2");
  age("a2", "61 seconds");
  age("g2", "61 seconds");
  ASSERT_OK(store_->DropRecentStates());
  EXPECT_EQ(kept(), "a1- a2 a3 b1 g1- g2");
  age("a3", "61 seconds");
  ASSERT_OK(store_->DropAllStates([] { return true; }));
  EXPECT_EQ(kept(), "a1- a2- a3 b1 g1- g2") << "the newest state of each stays";
  CheckpointQuery query;
  query.sync_no = sync_no_;
  query.max_bytes = int64_t{1} << 20;
  ASSERT_OK_AND_ASSIGN(const CheckpointPage page,
                       postgres::ReadCheckpointPage(*lane, ledger_->quoted_schema(), query));
  const std::vector<CommittedCheckpoint>& read = page.checkpoints;
  ASSERT_EQ(read.size(), 7);
  EXPECT_EQ(read[0].checkpoint_id, "a1");
  EXPECT_TRUE(read[0].state_dropped);
  EXPECT_EQ(read[0].state, "");
  EXPECT_FALSE(read[4].state_dropped) << "b2 never had a state";
}

}  // namespace
}  // namespace syncline

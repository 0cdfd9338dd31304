// Commits of small blocks together with those of other writers: which blocks become one
// transaction, and what each of them meets when another one fails.
#include "server/write/load/group_commit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/thread.h"
#include "server/postgres/connection/connection.h"
#include "tests/component/group_commit_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using write::FlushAttempt;
using write::FlushResult;
using write::GroupCommit;
using write::GroupMember;
using write::GroupResult;

std::vector<std::string> Ids(const FlushResult& result) {
  std::vector<std::string> ids;
  for (const PendingCheckpoint& checkpoint : result.checkpoints) {
    ids.push_back(checkpoint.checkpoint_id);
  }
  return ids;
}

TEST_F(GroupCommitTest, BlocksOfSeveralStreamsAreOneTransaction) {
  std::vector<LoadedStream> streams;
  std::vector<WriterClaim> claims;
  for (const char* const table : {"a", "b", "c"}) {
    streams.push_back(StartStream(table));
    claims.push_back(Warm(streams.back()));
  }
  Occupy();
  std::vector<std::unique_ptr<Block>> blocks;
  for (size_t i = 0; i < streams.size(); ++i) {
    blocks.push_back(HandIn(streams[i], claims[i], 1, 5));
    EXPECT_EQ(CountRows(streams[i].plan.table.name), 1);
  }
  EXPECT_EQ(pool_->busy() + group_pool_->busy(), 1) << "a block that waits has no connection";
  Release();
  for (const auto& block : blocks) {
    ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, block->Resume());
    ASSERT_TRUE(attempt.committed.has_value());
    EXPECT_EQ(attempt.committed->durable_offset, 5);
    EXPECT_EQ(attempt.committed->rows, 4);
  }
  EXPECT_EQ(group_->committed_together(), 3);
  EXPECT_EQ(
      QueryInt(absl::StrCat("SELECT count(DISTINCT xmin::text) FROM (SELECT xmin, id FROM ",
                            Table("a"), " UNION ALL SELECT xmin, id FROM ", Table("b"),
                            " UNION ALL SELECT xmin, id FROM ", Table("c"), ") AS r WHERE id > 0")),
      1);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("writer"),
                                  " WHERE committed = '{[0,5)}' AND rows_written = 5")),
            3);
}

TEST_F(GroupCommitTest, SingleCallerCommitsAtOnce) {
  const LoadedStream stream = StartStream("a");
  const WriterClaim claim = Warm(stream);
  for (int64_t offset = 1; offset < 20; ++offset) {
    const std::unique_ptr<Block> block = MakeBlock(stream, claim, offset, offset + 1);
    ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, block->FlushAndWait());
    ASSERT_TRUE(attempt.committed.has_value());
    EXPECT_EQ(attempt.committed->durable_offset, offset + 1);
  }
  EXPECT_EQ(group_->committed_together(), 0);
  EXPECT_EQ(group_pool_->idle(), 1);
  EXPECT_EQ(CountIds("a"), 20);
}

TEST_F(GroupCommitTest, BlocksOfOneWriterAreInTheOrderOfOffsets) {
  const LoadedStream stream = StartStream("a");
  const WriterClaim claim = Warm(stream);
  const auto offer = [](int64_t) {
    return std::vector<PendingCheckpoint>{{"five", 5, "s"}, {"ten", 10, "t"}};
  };
  Occupy();
  const std::unique_ptr<Block> later = HandIn(stream, claim, 5, 10, offer);
  const std::unique_ptr<Block> earlier = HandIn(stream, claim, 1, 5, offer);
  Release();
  ASSERT_OK_AND_ASSIGN(const FlushResult first, earlier->Finish());
  ASSERT_OK_AND_ASSIGN(const FlushResult second, later->Finish());
  EXPECT_EQ(first.durable_offset, 5);
  EXPECT_THAT(Ids(first), ElementsAre("five"));
  EXPECT_EQ(second.durable_offset, 10);
  EXPECT_THAT(Ids(second), ElementsAre("five", "ten"));
  EXPECT_EQ(group_->committed_together(), 2);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("checkpoint"))), 2);
  EXPECT_EQ(CountIds("a"), 10);
}

TEST_F(GroupCommitTest, FencedMemberAffectsNoOther) {
  const LoadedStream fenced = StartStream("a");
  const LoadedStream other = StartStream("b");
  const WriterClaim older = Warm(fenced);
  const WriterClaim claim = Warm(other);
  Occupy();
  const std::unique_ptr<Block> late = HandIn(fenced, older, 1, 5);
  const std::unique_ptr<Block> good = HandIn(other, claim, 1, 5);
  ClaimOf(fenced, "w");
  Release();
  ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, good->Resume());
  ASSERT_TRUE(attempt.committed.has_value());
  EXPECT_THAT(late->Resume(), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(group_->committed_together(), 2);
  EXPECT_EQ(CountRows("a"), 1);
  EXPECT_EQ(CountRows("b"), 5);
}

TEST_F(GroupCommitTest, CommittedRecordsAreNotCommittedAgain) {
  const LoadedStream stream = StartStream("a");
  const WriterClaim claim = Warm(stream);
  Occupy();
  const std::unique_ptr<Block> first = HandIn(stream, claim, 1, 5);
  const std::unique_ptr<Block> overlapping = HandIn(stream, claim, 3, 8);
  Release();
  ASSERT_OK(first->Finish());
  EXPECT_THAT(overlapping->Resume(), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(CountRows("a"), 5);
}

TEST_F(GroupCommitTest, LockedTableDelaysOthersBriefly) {
  const LoadedStream locked = StartStream("a");
  const LoadedStream free = StartStream("b");
  const WriterClaim claim_a = Warm(locked);
  const WriterClaim claim_b = Warm(free);
  const std::unique_ptr<postgres::Connection> locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("LOCK TABLE ", Table("a"))));
  Occupy();
  const std::unique_ptr<Block> waiting = HandIn(locked, claim_a, 1, 5);
  const std::unique_ptr<Block> other = HandIn(free, claim_b, 1, 5);
  Release();
  const absl::Time begun = absl::Now();
  ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, other->Resume());
  EXPECT_TRUE(attempt.committed.has_value());
  EXPECT_LT(absl::Now() - begun, absl::Milliseconds(450)) << "it waited as long as a lone commit";
  ASSERT_OK_AND_ASSIGN(const FlushAttempt blocked, waiting->Resume());
  EXPECT_FALSE(blocked.committed.has_value());
  EXPECT_TRUE(blocked.locked);
  // The table is known as locked now, so that its blocks join no group.
  ASSERT_OK_AND_ASSIGN(const FlushAttempt again, waiting->Flush());
  EXPECT_TRUE(again.locked);
  EXPECT_LT(again.pause, absl::InfiniteDuration());
  ASSERT_OK(locker->Commit());
  ASSERT_OK(FlushAll(waiting->buffer()));
  EXPECT_EQ(CountRows("a"), 5);
  EXPECT_EQ(CountRows("b"), 5);
}

TEST_F(GroupCommitTest, LockedWriterDelaysOthersBriefly) {
  const LoadedStream locked = StartStream("a");
  const LoadedStream free = StartStream("b");
  const WriterClaim claim_a = Warm(locked);
  const WriterClaim claim_b = Warm(free);
  const std::unique_ptr<postgres::Connection> locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("SELECT FROM ", Table("writer"),
                                         " WHERE stream_no = ", claim_a.stream_no, " FOR UPDATE")));
  Occupy();
  const std::unique_ptr<Block> waiting = HandIn(locked, claim_a, 1, 5);
  const std::unique_ptr<Block> other = HandIn(free, claim_b, 1, 5);
  Release();
  ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, other->Resume());
  EXPECT_TRUE(attempt.committed.has_value());
  ASSERT_OK_AND_ASSIGN(const FlushAttempt blocked, waiting->Resume());
  EXPECT_TRUE(blocked.locked);
  ASSERT_OK(locker->Commit());
  ASSERT_OK(FlushAll(waiting->buffer()));
  EXPECT_EQ(CountRows("a"), 5);
}

TEST_F(GroupCommitTest, RefusedRowIsRejectedAloneAndItsTableLeavesGroups) {
  const LoadedStream refusing = StartStream("a");
  const LoadedStream other = StartStream("b");
  const WriterClaim claim_a = Warm(refusing);
  const WriterClaim claim_b = Warm(other);
  Execute(absl::StrCat("ALTER TABLE ", Table("a"), " ADD CONSTRAINT not_three CHECK (id <> 3)"));
  Occupy();
  const std::unique_ptr<Block> refused = HandIn(refusing, claim_a, 1, 5);
  const std::unique_ptr<Block> good = HandIn(other, claim_b, 1, 5);
  Release();
  ASSERT_OK_AND_ASSIGN(const FlushResult rest, refused->Finish());
  EXPECT_EQ(rest.rows, 3);
  EXPECT_EQ(rest.rejected, 1);
  ASSERT_OK(good->Finish());
  EXPECT_EQ(group_->committed_together(), 0);
  EXPECT_EQ(CountRows("a"), 4);
  EXPECT_EQ(CountRows("b"), 5);
  // Its blocks do not make others fail again.
  Occupy();
  const std::unique_ptr<Block> next = MakeBlock(refusing, claim_a, 5, 6);
  ASSERT_OK_AND_ASSIGN(const FlushAttempt alone, next->Flush());
  EXPECT_TRUE(alone.committed.has_value());
  Release();
}

// Which tables join no group.
struct LoneTable {
  const char* name;
  const char* sql;  // $T is the table, $R another table, $F a trigger function
};

class LoneTableTest : public GroupCommitTest, public ::testing::WithParamInterface<LoneTable> {};

TEST_P(LoneTableTest, IsCommittedAlone) {
  const LoadedStream stream = StartStream("a");
  Execute(absl::StrCat("CREATE FUNCTION ", schema(),
                       ".nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
                       "CREATE TABLE ",
                       Table("referenced"), " (id bigint PRIMARY KEY); INSERT INTO ",
                       Table("referenced"), " SELECT generate_series(0, 9)"));
  Execute(absl::StrReplaceAll(GetParam().sql, {{"$T", Table("a")},
                                               {"$R", Table("referenced")},
                                               {"$F", absl::StrCat(schema(), ".nothing()")}}));
  const WriterClaim claim = Warm(stream);
  Occupy();
  const std::unique_ptr<Block> block = MakeBlock(stream, claim, 1, 5);
  ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, block->Flush());
  EXPECT_TRUE(attempt.committed.has_value());
  Release();
  EXPECT_EQ(CountRows("a"), 5);
}

INSTANTIATE_TEST_SUITE_P(
    Tables, LoneTableTest,
    ::testing::Values(
        LoneTable{"Trigger",
                  "CREATE TRIGGER k AFTER INSERT ON $T FOR EACH ROW EXECUTE FUNCTION $F"},
        LoneTable{"ForeignKey", "ALTER TABLE $T ADD FOREIGN KEY (id) REFERENCES $R"},
        LoneTable{"DeferrableConstraint", "ALTER TABLE $T ADD UNIQUE (id) DEFERRABLE"}),
    [](const auto& tested) { return tested.param.name; });

TEST_F(GroupCommitTest, LargeBlockIsCommittedAlone) {
  const LoadedStream stream = StartStream("a");
  const WriterClaim claim = Warm(stream);
  Occupy();
  const std::unique_ptr<Block> block = MakeBlock(stream, claim, 1, 2000);
  ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, block->Flush());
  EXPECT_TRUE(attempt.committed.has_value());
  Release();
}

std::shared_ptr<GroupMember> MakeMember(int64_t number, size_t bytes = 1) {
  return std::make_shared<GroupMember>(
      GroupMember::Key(number, "w", 0),
      postgres::Statement{"SELECT length($1::text)::bigint",
                          postgres::Params().Text(std::string(bytes, 'x'))});
}

TEST_F(GroupCommitTest, WhatWaitsIsBounded) {
  Occupy();
  std::vector<std::shared_ptr<GroupMember>> members;
  bool added = true;
  while (added) {
    members.push_back(MakeMember(static_cast<int64_t>(members.size()), 1 << 20));
    added = group_->Add(members.back(), [](GroupResult) {});
    ASSERT_LE(members.size(), 9u);
  }
  EXPECT_GE(members.size(), 7u);
  // What is taken back makes room.
  group_->Withdraw(members.front());
  EXPECT_TRUE(group_->Add(members.front(), [](GroupResult) {}));
  Release();
  group_->Stop();
  for (size_t i = 0; i + 1 < members.size(); ++i) {
    EXPECT_EQ(members[i]->result(), GroupResult::kCommitted);
    EXPECT_EQ(members[i]->durable_offset(), 1 << 20);
  }
  EXPECT_FALSE(members.back()->is_over());
}

TEST_F(GroupCommitTest, ManyMembersAreSeveralGroups) {
  Occupy();
  std::atomic<int> resumed = 0;
  std::vector<std::shared_ptr<GroupMember>> members;
  for (int64_t n = 0; n < 100; ++n) {
    members.push_back(MakeMember(n));
    ASSERT_TRUE(group_->Add(members.back(), [&](GroupResult result) {
      EXPECT_EQ(result, GroupResult::kCommitted);
      ++resumed;
    }));
  }
  Release();
  group_->Stop();
  EXPECT_EQ(resumed, 100);
  for (const auto& member : members) EXPECT_EQ(member->result(), GroupResult::kCommitted);
  EXPECT_EQ(group_->committed_together(), 100);
}

// Which members begin another commit while one is in progress.
class SecondCommitTest : public GroupCommitTest {
 protected:
  // Hands in members, whose results are counted.
  void Add(size_t members) {
    for (size_t i = 0; i < members; ++i) {
      EXPECT_TRUE(group_->Add(MakeMember(static_cast<int64_t>(i)), [this](GroupResult result) {
        EXPECT_EQ(result, GroupResult::kCommitted);
        ++committed_;
      }));
    }
  }
  void WaitForCommitted(int members) {
    while (committed_ < members) absl::SleepFor(absl::Milliseconds(1));
  }

  std::atomic<int> committed_ = 0;
};

TEST_F(SecondCommitTest, SmallGroupWaitsForTheCommitInProgress) {
  UseGroups(2, /*stalled=*/absl::InfiniteDuration());
  Occupy();
  Add(GroupCommit::kLargeGroup - 1);
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(committed_, 0);
  EXPECT_EQ(group_pool_->busy(), 1);
  Release();
  WaitForCommitted(GroupCommit::kLargeGroup - 1);
  group_->Stop();
  EXPECT_EQ(group_->committed_together(), GroupCommit::kLargeGroup - 1);
}

TEST_F(SecondCommitTest, LargeGroupBegins) {
  UseGroups(2, /*stalled=*/absl::InfiniteDuration());
  Occupy();
  Add(GroupCommit::kLargeGroup);
  WaitForCommitted(GroupCommit::kLargeGroup);
  EXPECT_EQ(group_->committed_together(), GroupCommit::kLargeGroup);
  // Afterwards the one that is still in progress makes others wait again.
  Add(1);
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(committed_, GroupCommit::kLargeGroup);
  Release();
  WaitForCommitted(GroupCommit::kLargeGroup + 1);
}

TEST_F(SecondCommitTest, StalledCommitDelaysNobody) {
  UseGroups(2, /*stalled=*/absl::ZeroDuration());
  Occupy();
  for (int n = 1; n <= 20; ++n) {
    Add(1);
    WaitForCommitted(n);
  }
  Release();
}

TEST_F(SecondCommitTest, MembersThatWaitAreCommittedWithTheOneThatFindsTheCommitStalled) {
  UseGroups(2, /*stalled=*/absl::Milliseconds(300));
  Occupy();
  Add(3);
  absl::SleepFor(absl::Milliseconds(400));
  EXPECT_EQ(committed_, 0) << "there is no timer";
  Add(1);
  WaitForCommitted(4);
  EXPECT_EQ(group_->committed_together(), 4);
  Release();
}

TEST_F(SecondCommitTest, ThereIsNoThird) {
  UseGroups(2, /*stalled=*/absl::ZeroDuration());
  Occupy();
  const std::unique_ptr<postgres::Connection> second = LockKey();
  const int64_t key = BackendPid(*second);
  std::atomic<bool> over = false;
  ASSERT_TRUE(group_->Add(MakeWaiter({0, "", 1}, key), [&](GroupResult) { over = true; }));
  WaitUntilBlocked(*Connect(), key);
  Add(2 * GroupCommit::kLargeGroup);
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(committed_, 0);
  EXPECT_FALSE(over);
  ASSERT_OK(second->Commit());
  WaitForCommitted(2 * GroupCommit::kLargeGroup);
  EXPECT_TRUE(over);
  Release();
}

TEST_F(GroupCommitTest, StopCommitsWhatWaits) {
  const LoadedStream stream = StartStream("a");
  const WriterClaim claim = Warm(stream);
  Occupy();
  const std::unique_ptr<Block> block = HandIn(stream, claim, 1, 5);
  {
    const Thread stopping("stopping", [this] { group_->Stop(); });
    absl::SleepFor(absl::Milliseconds(20));
    Release();
  }
  ASSERT_OK(block->Finish());
  // Afterwards blocks are committed alone.
  ASSERT_OK(Load(stream, claim, 5, 10));
  EXPECT_EQ(CountIds("a"), 10);
}

}  // namespace
}  // namespace syncline::testing

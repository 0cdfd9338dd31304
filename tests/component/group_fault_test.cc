// Faults while small blocks are committed together with those of other writers: answers that are
// lost, calls that end, and everything at once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/thread.h"
#include "server/write/load/group_commit.h"
#include "tests/component/group_commit_fixture.h"
#include "tests/support/random_seed.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using write::FlushAttempt;
using write::FlushResult;
using write::GroupMember;
using write::GroupResult;

using GroupFaultTest = GroupCommitTest;

// The session ends before the COMMIT, so that every member is sent again.
TEST_F(GroupFaultTest, LostCommitThatDidNotHappen) {
  const LoadedStream first = StartStream("a");
  const LoadedStream second = StartStream("b");
  const WriterClaim claim_a = Warm(first);
  const WriterClaim claim_b = Warm(second);
  Occupy();
  const std::unique_ptr<Block> a = HandIn(first, claim_a, 1, 5);
  const std::unique_ptr<Block> b = HandIn(second, claim_b, 1, 5);
  const auto ending = std::make_shared<GroupMember>(
      GroupMember::Key(claim_a.stream_no, "x", 0),
      postgres::Statement{"SELECT pg_terminate_backend(pg_backend_pid())", {}});
  ASSERT_TRUE(group_->Add(ending, [](GroupResult) {}));
  Release();
  for (const auto* const block : {&a, &b}) {
    ASSERT_OK_AND_ASSIGN(const FlushResult flushed, (*block)->Finish());
    EXPECT_EQ(flushed.durable_offset, 5);
  }
  EXPECT_EQ(ending->result(), GroupResult::kUnknown);
  for (const char* const table : {"a", "b"}) {
    EXPECT_EQ(CountRows(table), 5);
    EXPECT_EQ(CountIds(table), 5);
  }
}

// The link breaks while the session still works on the group, which it then commits or rolls back.
TEST_F(GroupFaultTest, LostCommitThatMayHappen) {
  const LoadedStream first = StartStream("a");
  const LoadedStream second = StartStream("b");
  const WriterClaim claim_a = Warm(first);
  const WriterClaim claim_b = Warm(second);
  for (int64_t round = 0; round < 5; ++round) {
    const int64_t begin = 1 + round * 4;
    Occupy();
    const std::unique_ptr<Block> a = HandIn(first, claim_a, begin, begin + 4);
    const std::unique_ptr<Block> b = HandIn(second, claim_b, begin, begin + 4);
    const std::unique_ptr<postgres::Connection> holding = LockKey();
    const int64_t key = BackendPid(*holding);
    ASSERT_TRUE(group_->Add(MakeWaiter({claim_a.stream_no, "x", 0}, key), [](GroupResult) {}));
    Release();
    WaitUntilBlocked(*Connect(), key);
    EXPECT_GT(sockets_.ShutDown(), 0);
    // In some rounds the block is sent again before the lost COMMIT has happened.
    if (round % 2 == 0) {
      ASSERT_OK(holding->Commit());
      ASSERT_OK_AND_ASSIGN(const FlushResult flushed, a->Finish());
      EXPECT_EQ(flushed.durable_offset, begin + 4);
    } else {
      const Thread releasing("releasing", [&] {
        absl::SleepFor(absl::Milliseconds(100));
        EXPECT_OK(holding->Commit());
      });
      ASSERT_OK_AND_ASSIGN(const FlushResult flushed, a->Finish());
      EXPECT_EQ(flushed.durable_offset, begin + 4);
    }
    ASSERT_OK(b->Finish());
    for (const char* const table : {"a", "b"}) {
      EXPECT_EQ(CountRows(table), begin + 4);
      EXPECT_EQ(CountIds(table), begin + 4);
    }
  }
}

TEST_F(GroupFaultTest, UnreachableDatabaseIsTriedAlone) {
  const LoadedStream stream = StartStream("a");
  const WriterClaim claim = Warm(stream);
  postgres::ConnectionPool nowhere({.conninfo = "host=/nonexistent user=u dbname=d"});
  write::GroupCommit unreachable(&nowhere);
  load_.group = &unreachable;
  const std::unique_ptr<Block> block = MakeBlock(stream, claim, 1, 5);
  ASSERT_OK_AND_ASSIGN(const FlushAttempt attempt, block->FlushAndWait());
  EXPECT_TRUE(attempt.committed.has_value()) << "the lane's own connection works";
}

TEST_F(GroupFaultTest, BlockOfAnEndedCallLeavesTheGroup) {
  const LoadedStream ended = StartStream("a");
  const LoadedStream other = StartStream("b");
  const WriterClaim claim_a = Warm(ended);
  const WriterClaim claim_b = Warm(other);
  Occupy();
  std::unique_ptr<Block> gone = HandIn(ended, claim_a, 1, 5);
  const std::unique_ptr<Block> good = HandIn(other, claim_b, 1, 5);
  const std::weak_ptr<StopSignal> resume = gone->resume();
  gone.reset();
  EXPECT_TRUE(resume.expired()) << "the group would keep the call";
  Release();
  ASSERT_OK(good->Finish());
  EXPECT_EQ(CountRows("a"), 1);
  EXPECT_EQ(CountRows("b"), 5);
}

// Its call ends while the group's statements run. The records are committed once, by whichever call
// comes first.
TEST_F(GroupFaultTest, BlockOfAnEndedCallIsCommittedOnceItsCommitHasBegun) {
  const LoadedStream ended = StartStream("a");
  const LoadedStream other = StartStream("b");
  const WriterClaim claim_a = Warm(ended);
  const WriterClaim claim_b = Warm(other);
  Occupy();
  std::unique_ptr<Block> gone = HandIn(ended, claim_a, 1, 5);
  const std::unique_ptr<Block> good = HandIn(other, claim_b, 1, 5);
  const std::unique_ptr<postgres::Connection> holding = LockKey();
  const int64_t key = BackendPid(*holding);
  ASSERT_TRUE(group_->Add(MakeWaiter({claim_a.stream_no, "x", 0}, key), [](GroupResult) {}));
  Release();
  WaitUntilBlocked(*Connect(), key);
  gone->buffer().interrupt()->Interrupt();
  gone.reset();
  ASSERT_OK(holding->Commit());
  ASSERT_OK(good->Finish());
  EXPECT_EQ(CountRows("a"), 5);
  EXPECT_THAT(Load(ended, claim_a, 1, 5), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(CountRows("a"), 5);
}

// A single block waits for the lock of its writer, and its call ends: once when a thread of the
// group has sent the statement, because there was no connection, and once when the thread that
// handed it in has.
class LoneInterruptTest : public GroupCommitTest, public ::testing::WithParamInterface<bool> {};

TEST_P(LoneInterruptTest, EndsTheCommit) {
  const bool is_prepared = GetParam();
  const LoadedStream stream = StartStream("a");
  const WriterClaim claim = Warm(stream);
  postgres::ConnectionOptions options;
  options.conninfo = dsn();
  options.lock_timeout = absl::Minutes(5);
  postgres::ConnectionPool patient(options);
  write::GroupCommit group(&patient);
  load_.group = &group;
  if (is_prepared) {
    ASSERT_OK_AND_ASSIGN(const FlushAttempt first, MakeBlock(stream, claim, 1, 5)->FlushAndWait());
    ASSERT_TRUE(first.committed.has_value());
  }
  EXPECT_EQ(patient.idle(), is_prepared ? 1 : 0);
  const int64_t begin = is_prepared ? 5 : 1;
  const std::unique_ptr<postgres::Connection> locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("SELECT FROM ", Table("writer"), " FOR UPDATE")));
  const std::unique_ptr<Block> block = MakeBlock(stream, claim, begin, begin + 4);
  ASSERT_OK_AND_ASSIGN(const FlushAttempt handed_in, block->Flush());
  EXPECT_EQ(handed_in.pause, absl::InfiniteDuration());
  WaitUntilBlocked(*Connect(), BackendPid(*locker));
  block->buffer().interrupt()->Interrupt();
  EXPECT_THAT(block->Resume(), StatusIs(StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
  EXPECT_EQ(patient.busy(), 0);
  ASSERT_OK(locker->Commit());
}

INSTANTIATE_TEST_SUITE_P(Prepared, LoneInterruptTest, ::testing::Bool());

// Lanes of many writers at once, two for each writer, while tables are locked, writers are claimed
// again and sessions end. Whatever fails, no group waits for another one in a circle, and every
// record is stored once.
TEST_F(GroupFaultTest, ManyWritersStoreEveryRecordOnce) {
  constexpr int kStreams = 4;
  constexpr int kWriters = 2;
  constexpr int64_t kRecords = 120;  // per writer
  UseGroups(write::GroupCommit::kMaxGroups);
  const uint64_t seed = RandomSeed();
  std::vector<LoadedStream> streams;
  for (int i = 0; i < kStreams; ++i) streams.push_back(StartStream(absl::StrCat("s", i)));
  for (const LoadedStream& stream : streams) Warm(stream, "warm");
  std::atomic<bool> over = false;
  std::vector<std::unique_ptr<Thread>> lanes;
  for (int i = 0; i < kStreams * kWriters; ++i) {
    const LoadedStream& stream = streams[static_cast<size_t>(i % kStreams)];
    const WriterClaim claim = ClaimOf(stream, absl::StrCat("w", i));
    for (int64_t lane = 0; lane < 2; ++lane) {
      lanes.push_back(std::make_unique<Thread>("lane", [this, &stream, claim, lane] {
        for (int64_t offset = lane * 3; offset < kRecords; offset += 6) {
          EXPECT_OK(Load(stream, claim, offset, offset + 3));
        }
      }));
    }
  }
  auto disturbing = std::make_unique<Thread>("disturbing", [&] {
    std::mt19937_64 random(seed);
    const std::unique_ptr<postgres::Connection> session = Connect();
    while (!over) {
      const std::string table = Table(absl::StrCat("s", random() % kStreams));
      if (random() % 3 == 0) {
        sockets_.ShutDown();
      } else {
        EXPECT_OK(session->Begin());
        EXPECT_OK(session->Execute(absl::StrCat("LOCK TABLE ", table)));
        absl::SleepFor(absl::Milliseconds(random() % 80));
        EXPECT_OK(session->Commit());
      }
      absl::SleepFor(absl::Milliseconds(random() % 40));
    }
  });
  lanes.clear();
  over = true;
  disturbing.reset();
  for (int i = 0; i < kStreams; ++i) {
    // Each writer sends the same ids; the warm record is one more.
    EXPECT_EQ(CountRows(absl::StrCat("s", i)), kWriters * kRecords + 1);
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT _airbyte_raw_id) FROM ",
                                    Table(absl::StrCat("s", i)))),
              kWriters * kRecords + 1);
  }
  EXPECT_EQ(
      QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("writer"), " WHERE committed = '{[0,",
                            kRecords, ")}' AND rows_written = ", kRecords)),
      kStreams * kWriters);
  EXPECT_GT(group_->committed_together(), 0);
}

}  // namespace
}  // namespace syncline::testing

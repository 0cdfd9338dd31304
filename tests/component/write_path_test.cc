// The write path without gRPC, against a real ledger: a lost COMMIT answer, late commits of writers
// that count as dead, and a full memory budget.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/delayed_tasks.h"
#include "base/free_list.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "base/thread_pool.h"
#include "base/ticker.h"
#include "server/dataflow/aggregate_factory.h"
#include "server/dataflow/lane.h"
#include "server/metrics/metrics.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_migration.h"
#include "server/sync/writer_call.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using testing::kRecordBytes;
using testing::StatusIs;
using testing::WritePathTest;

// Counts calls from any thread.
class Counter {
 public:
  // Notifies with the lock held: a test may destroy the counter as soon as it sees the count.
  void Add() {
    MutexLock lock(&mutex_);
    ++count_;
    changed_.NotifyAll();
  }
  int count() const {
    MutexLock lock(&mutex_);
    return count_;
  }
  void WaitFor(int count) {
    MutexLock lock(&mutex_);
    while (count_ < count) changed_.Wait(&mutex_);
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int count_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_F(WritePathTest, CommittedRecordsAreNotCommittedAgain) {
  const WriterClaim claim = Claim("w").claim;
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  Fill(buffer, 0, 10);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, testing::FlushAll(buffer));
  EXPECT_EQ(flushed.durable_offset, 10);

  // A call with the same epoch, as after a crash that undid the newer claim.
  write::InsertBuffer twin(&load_, plan_, "sync", claim);
  Fill(twin, 5, 15);
  EXPECT_THAT(testing::FlushAll(twin), StatusIs(absl::StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(Rows(), 10);
}

// The first rejected records of a stream are listed; the rest are counted, one row per reason.
TEST_F(WritePathTest, RejectedRecordsBeyondTheListAreSummarized) {
  const WriterClaim claim = Claim("w").claim;
  Execute(absl::StrCat("UPDATE ", Table("writer"),
                       " SET records_rejected = ", kMaxListedRejections - 2));
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  for (int64_t offset = 0; offset < 10; ++offset) {
    buffer.Reject({offset, offset % 2 == 0 ? "EVEN" : "ODD", "raw", false});
    buffer.Cover({offset, offset + 1}, 0);
  }
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, testing::FlushAll(buffer));
  EXPECT_EQ(flushed.rejected, 10);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT records_rejected FROM ", Table("writer"))),
            kMaxListedRejections + 8);
  EXPECT_THAT(
      QueryText(absl::StrCat("SELECT \"offset\", reason, encode(raw, 'escape'), raw_truncated, "
                             "substring(detail for 51) FROM ",
                             Table("rejected_record"), " ORDER BY \"offset\"")),
      ElementsAre(
          ElementsAre("0", "EVEN", "raw", "f", ""), ElementsAre("1", "ODD", "raw", "f", ""),
          ElementsAre("2", "EVEN", "", "t", "stands for 4 rejected records, the last at offset 8"),
          ElementsAre("3", "ODD", "", "t", "stands for 4 rejected records, the last at offset 9")));
}

// A buffer of few rows does not hold a block that others have filled completely.
TEST_F(WritePathTest, OnlyLargeBuffersTakeWholeBlocks) {
  for (int i = 0; i < 4; ++i) {
    blocks_.Give(ByteBuffer(write::kBlockBytes), write::kBlockBytes);
  }
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  Fill(buffer, 0, 1000);
  EXPECT_LT(buffer.bytes(), 200 << 10);
  EXPECT_EQ(blocks_.size(), 4);
  Fill(buffer, 1000, 10'000);
  EXPECT_GT(buffer.bytes(), 600 << 10);
  EXPECT_LT(blocks_.size(), 4);
  ASSERT_OK(testing::FlushAll(buffer));
  EXPECT_EQ(blocks_.size(), 4);
  EXPECT_EQ(Rows(), 10'000);
  EXPECT_EQ(DistinctRows(), 10'000);
}

// The connection breaks in COMMIT. Its backend continues and commits while the rows are sent again.
TEST_F(WritePathTest, LostCommitThatEndsLateIsNotRepeated) {
  const WriterClaim claim = Claim("w").claim;
  Execute(absl::StrCat("CREATE TABLE ", Table("armed"), " ();",  //
                       "CREATE FUNCTION ", schema(),
                       ".break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                       "IF to_regclass('",
                       schema(),
                       ".armed') IS NOT NULL THEN "
                       "PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; "
                       "END $$;"
                       "CREATE CONSTRAINT TRIGGER break AFTER INSERT ON ",
                       Table("t"), " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ",
                       schema(), ".break()"));
  const std::unique_ptr<postgres::Connection> late = Connect();
  const std::unique_ptr<postgres::Connection> watching = Connect();
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  Fill(buffer, 0, 10);
  ASSERT_OK_AND_ASSIGN(const write::FlushAttempt broken, buffer.Flush({}));
  EXPECT_FALSE(broken.committed.has_value());
  EXPECT_FALSE(broken.locked);
  Execute(absl::StrCat("DROP TABLE ", Table("armed")));
  CommitHalfway(*late, claim, 0, 10);
  auto finishing = std::make_unique<Thread>("late", [&, pid = BackendPid(*late)] {
    WaitUntilBlocked(*watching, pid);
    EXPECT_OK(late->Commit());
  });
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, testing::FlushAll(buffer));
  finishing.reset();
  EXPECT_EQ(flushed.durable_offset, 10);
  EXPECT_EQ(Rows(), 10);
  EXPECT_TRUE(buffer.empty());
}

// The lease of the server "test" is never renewed, so its writers count as dead.
TEST_F(WritePathTest, CompletionCountsLateCommitsOfDeadServer) {
  const WriterClaim claim = Claim("w").claim;
  const std::unique_ptr<postgres::Connection> late = Connect();
  const std::unique_ptr<postgres::Connection> watching = Connect();
  CommitHalfway(*late, claim, 0, 5);
  const int64_t pid = BackendPid(*late);
  const Thread finishing("late", [&] {
    WaitUntilBlocked(*watching, pid);
    EXPECT_OK(late->Commit());
  });
  EXPECT_THAT(store_->BeginCompletion(plan_.stream_no, {true, 0}),
              StatusIs(absl::StatusCode::kFailedPrecondition, "COUNT_MISMATCH"));
  // The completion has not begun, so the writer may continue.
  const std::unique_ptr<postgres::Connection> more = Connect();
  CommitHalfway(*more, claim, 5, 8);
  EXPECT_OK(more->Commit());
  EXPECT_OK(store_->BeginCompletion(plan_.stream_no, {true, 8}));
}

class WriterCallTest : public WritePathTest {
 protected:
  // Only a full lane flushes on its own.
  void SetUp() override {
    WritePathTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    lanes_.pool = &pool_;
    lanes_.delayed = &delayed_;
    lanes_.budget = &budget_;
    lanes_.texts = &buffers_;
    lanes_.flush_bytes = 64 << 20;
    aggregates_ = std::make_unique<dataflow::AggregateFactory>(&load_, 1 << 20);
    context_.lanes = &lanes_;
    context_.aggregates = aggregates_.get();
    context_.max_queued_bytes = 2 << 20;
    context_.release = [this](const WriterClaim& claim, const absl::Status& end) {
      store_->ReleaseWriter(claim, end);
    };
    context_.forget = [this](const WriterClaim& claim) { store_->ForgetClaim(claim); };
    context_.claim_pool = &claim_pool_;
  }

  // Acquires the memory of a batch and passes it on, as a reactor does with a message.
  void Accept(const std::shared_ptr<sync::WriterCall>& call,
              std::unique_ptr<v1::RecordBatch> records, std::function<void()> ready) {
    const auto bytes = static_cast<int64_t>(records->ByteSizeLong());
    budget_.Acquire(
        bytes, [call, bytes, ready = std::move(ready),
                held = std::make_shared<std::unique_ptr<v1::RecordBatch>>(std::move(records))] {
          call->Accept(std::move(*held), bytes, /*row_bytes=*/0, ready);
        });
  }

  // `done` counts the end of the call, which must be successful.
  std::shared_ptr<sync::WriterCall> Open(absl::string_view writer_id, Counter* done) {
    const ClaimedWriter claimed = Claim(writer_id);
    return std::make_shared<sync::WriterCall>(
        &context_, plan_, "sync", claimed.claim, claimed.committed, /*rejected_before=*/0,
        metrics_->ForStream("n", "t", 1),
        [done](const absl::Status& status, const sync::CallSummary&) {
          EXPECT_OK(status);
          done->Add();
        });
  }

  MemoryBudget budget_{1 << 20};
  FreeStrings buffers_{1 << 20};
  DelayedTasks delayed_;
  dataflow::LaneContext lanes_;
  std::unique_ptr<dataflow::AggregateFactory> aggregates_;
  sync::CallContext context_;
  // Destroyed first: their tasks use the other members.
  ThreadPool claim_pool_{"claim", 1};
  ThreadPool pool_{"load", 2};
  Ticker ticker_{{{absl::Milliseconds(5), [this] { delayed_.RunDue(); }}}};
};

TEST_F(WriterCallTest, PendingCheckpointStatesBlockCaller) {
  Counter done;
  Counter ready;
  const auto on_ready = [&] { ready.Add(); };
  const std::shared_ptr<sync::WriterCall> call = Open("w", &done);
  Accept(call, Batch(0, 10), on_ready);
  ready.WaitFor(1);
  // Flushes are blocked while the writer's row is locked.
  const std::unique_ptr<postgres::Connection> blocker = Connect();
  ASSERT_OK(blocker->Begin());
  ASSERT_OK(blocker->Execute(absl::StrCat("SELECT 1 FROM ", Table("writer"), " FOR UPDATE")));
  const std::string state(1 << 20, 's');
  call->AddCheckpoint("c1", state, {}, on_ready);
  ready.WaitFor(2);
  call->AddCheckpoint("c2", state, {}, on_ready);
  EXPECT_EQ(ready.count(), 2);
  ASSERT_OK(blocker->Commit());
  ready.WaitFor(3);
  call->End(absl::OkStatus());
  done.WaitFor(1);
  EXPECT_THAT(QueryText(absl::StrCat("SELECT checkpoint_id, \"offset\", length(state) FROM ",
                                     Table("checkpoint"), " ORDER BY number")),
              ElementsAre(ElementsAre("c1", "10", "1048576"), ElementsAre("c2", "10", "1048576")));
}

// A caller that resumes from an earlier record sends its checkpoints again at their offsets.
TEST_F(WriterCallTest, CheckpointKeepsOffsetAmongResentRecords) {
  Counter done;
  Counter ready;
  const auto on_ready = [&] { ready.Add(); };
  const std::shared_ptr<sync::WriterCall> first = Open("w", &done);
  Accept(first, Batch(0, 30), on_ready);
  ready.WaitFor(1);
  first->End(absl::OkStatus());
  done.WaitFor(1);
  const std::shared_ptr<sync::WriterCall> second = Open("w", &done);
  Accept(second, Batch(0, 10), on_ready);
  ready.WaitFor(2);
  second->AddCheckpoint("c1", "s", {}, on_ready);
  ready.WaitFor(3);
  Accept(second, Batch(10, 20), on_ready);
  ready.WaitFor(4);
  second->AddCheckpoint("c2", "s", {}, on_ready);
  second->End(absl::OkStatus());
  done.WaitFor(2);
  EXPECT_THAT(QueryText(absl::StrCat("SELECT checkpoint_id, \"offset\", records_since_last FROM ",
                                     Table("checkpoint"), " ORDER BY number")),
              ElementsAre(ElementsAre("c1", "10", "10"), ElementsAre("c2", "30", "20")));
  EXPECT_EQ(Rows(), 30);
}

TEST_F(WriterCallTest, IdleLanesReleaseMemoryToWaiters) {
  Counter done;
  Counter ready;
  const auto on_ready = [&] { ready.Add(); };
  const std::shared_ptr<sync::WriterCall> big = Open("big", &done);
  const std::shared_ptr<sync::WriterCall> small = Open("small", &done);
  Accept(small, Batch(0, 100), on_ready);
  ready.WaitFor(1);
  // More than the whole budget: it is granted when nothing else is held.
  Accept(big, Batch(0, 1200), on_ready);
  while (budget_.waiters() > 0) small->FlushIdle();
  ready.WaitFor(2);
  big->End(absl::OkStatus());
  small->End(absl::OkStatus());
  done.WaitFor(2);
  EXPECT_EQ(Rows(), 1300);
  EXPECT_EQ(DistinctRows(), 1200);
  EXPECT_EQ(budget_.held_bytes(), 0);
}

// Each block is one commit, so the rows' transactions show how many lanes a call has filled.
TEST_F(WriterCallTest, CallsUseNoMoreLanesThanThreads) {
  Counter done;
  int64_t commits = 0;
  for (const int calls : {1, 2}) {
    Counter gate;
    for (int i = 0; i < pool_.threads(); ++i) pool_.Post([&] { gate.WaitFor(1); });
    std::vector<std::shared_ptr<sync::WriterCall>> open;
    for (int n = 0; n < calls; ++n) open.push_back(Open(absl::StrCat(calls, "w", n), &done));
    for (int64_t batch = 0; batch < 4; ++batch) {
      for (const auto& call : open) Accept(call, Batch(batch * 10, 10), [] {});
    }
    EXPECT_EQ(lanes_.busy_owners, calls);
    for (const auto& call : open) call->End(absl::OkStatus());
    gate.Add();
    done.WaitFor(calls == 1 ? 1 : 3);
    const int64_t before = commits;
    commits = QueryInt(absl::StrCat("SELECT count(DISTINCT xmin::text) FROM ", Table("t")));
    // Two lanes of one call, then one lane per call.
    EXPECT_EQ(commits - before, 2) << calls;
  }
  EXPECT_EQ(Rows(), 120);
  EXPECT_EQ(lanes_.busy_owners, 0);
}

TEST_F(WriterCallTest, CallThatDropsItsBatchesIsNotBusy) {
  Counter gate;
  Counter done;
  for (int i = 0; i < pool_.threads(); ++i) pool_.Post([&] { gate.WaitFor(1); });
  const ClaimedWriter claimed = Claim("w");
  auto call = std::make_shared<sync::WriterCall>(
      &context_, plan_, "sync", claimed.claim, claimed.committed, /*rejected_before=*/0,
      metrics_->ForStream("n", "t", 1),
      [&done](const absl::Status& status, const sync::CallSummary&) {
        EXPECT_TRUE(absl::IsCancelled(status)) << status;
        done.Add();
      });
  Accept(call, Batch(0, 10), [] {});
  EXPECT_EQ(lanes_.busy_owners, 1);
  call->Fail(absl::CancelledError());
  gate.Add();
  done.WaitFor(1);
  call.reset();
  pool_.Shutdown();
  claim_pool_.Shutdown();
  EXPECT_EQ(lanes_.busy_owners, 0);
  EXPECT_EQ(budget_.held_bytes(), 0);
}

// Calls end while batches are on their way to a lane. Each call ends independently.
TEST_F(WriterCallTest, EndDuringBatchLosesNeither) {
  constexpr int kCalls = 100;
  Counter done;
  for (int n = 0; n < kCalls; ++n) {
    const std::shared_ptr<sync::WriterCall> call = Open(absl::StrCat("w", n), &done);
    Counter ready;
    Accept(call, Batch(0, 1), [&] { ready.Add(); });
    ready.WaitFor(1);
    {
      const Thread ending("ending", [&] { call->End(absl::OkStatus()); });
      Accept(call, Batch(1, 1), [] {});
    }
    done.WaitFor(n + 1);
  }
  EXPECT_EQ(budget_.held_bytes(), 0);
  EXPECT_EQ(Rows(), QueryInt(absl::StrCat("SELECT sum(durable_offset) FROM ", Table("writer"))));
}

}  // namespace
}  // namespace syncline

// Streams with tables of their own whose small blocks are committed together, and the means to
// decide which blocks become one group.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/stop_signal.h"
#include "base/thread.h"
#include "server/postgres/connection/open_sockets.h"
#include "server/write/load/group_commit.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/load/statement_tables.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

class GroupCommitTest : public WritePathTest {
 protected:
  // A stream with a sync and a table of its own.
  struct LoadedStream {
    int64_t sync_no = 0;
    StreamPlan plan;
  };

  // A block that is handed in, or has been.
  class Block {
   public:
    Block(const write::LoadContext* context, const LoadedStream& stream, const WriterClaim& claim,
          write::DueCheckpoints checkpoints)
        : buffer_(context, stream.plan, "sync", claim), checkpoints_(std::move(checkpoints)) {}

    write::InsertBuffer& buffer() { return buffer_; }

    // Makes one attempt. A pause that is infinite means that the block is handed in.
    absl::StatusOr<write::FlushAttempt> Flush() {
      resumed_ = std::make_shared<StopSignal>();
      return buffer_.Flush(checkpoints_, /*closes=*/false,
                           [resumed = resumed_](write::GroupResult) { resumed->Set(); });
    }
    // Waits for the commit of what is handed in, and makes the next attempt.
    absl::StatusOr<write::FlushAttempt> Resume() {
      resumed_->Wait(absl::InfiniteDuration());
      return Flush();
    }
    // Makes attempts until one of them does not end with a block that is handed in.
    absl::StatusOr<write::FlushAttempt> FlushAndWait() {
      SYNCLINE_ASSIGN_OR_RETURN(const write::FlushAttempt attempt, Flush());
      return attempt.pause == absl::InfiniteDuration() ? Resume() : attempt;
    }
    // The same until the block is committed.
    absl::StatusOr<write::FlushResult> Finish() {
      SYNCLINE_ASSIGN_OR_RETURN(const write::FlushAttempt attempt, Resume());
      if (attempt.committed.has_value()) return *attempt.committed;
      absl::SleepFor(attempt.pause);
      return FlushAll(buffer_, checkpoints_);
    }
    // Becomes empty when nothing can resume the block any more.
    std::weak_ptr<StopSignal> resume() const { return resumed_; }

   private:
    write::InsertBuffer buffer_;
    const write::DueCheckpoints checkpoints_;
    std::shared_ptr<StopSignal> resumed_;
  };

  void SetUp() override {
    WritePathTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    postgres::ConnectionOptions options;
    options.conninfo = dsn();
    options.lock_timeout = absl::Milliseconds(500);
    pool_ = std::make_unique<postgres::ConnectionPool>(options);
    options.lock_timeout = write::GroupCommit::kLockTimeout;
    options.sockets = &sockets_;
    group_pool_ = std::make_unique<postgres::ConnectionPool>(options);
    load_.connections = pool_.get();
    load_.statements = &statements_;
    UseGroups(1);
  }
  void TearDown() override {
    group_.reset();
    for (const auto& pool : {pool_.get(), group_pool_.get()}) {
      if (pool != nullptr) pool->CloseIdle();
    }
    WritePathTest::TearDown();
  }

  void UseGroups(int max_groups, absl::Duration stalled = write::GroupCommit::kStalled) {
    group_ = std::make_unique<write::GroupCommit>(group_pool_.get(), max_groups, stalled);
    load_.group = group_.get();
  }

  LoadedStream StartStream(const std::string& table) {
    write::LoaderContext loaders;
    loaders.database = &database();
    loaders.ledger = ledger_.get();
    write::SyncDraft draft;
    draft.sync.sync_id = absl::StrCat("sync of ", table);
    StreamEntry stream;
    stream.plan.descriptor = {schema(), table};
    stream.plan.table = {schema(), table};
    stream.plan.temp_table = {schema(), absl::StrCat(table, "_temp")};
    stream.plan.schema.columns.push_back({"id", "id", ColumnType::kBigint});
    draft.sync.streams.push_back(stream);
    draft.requests.push_back({{}, {stream.plan.descriptor, stream.plan.table, true}, std::nullopt});
    const absl::StatusOr<write::StartedSync> started = write::Writer(loaders).Start(draft);
    EXPECT_OK(started);
    if (!started.ok()) return {};
    return {started->sync.sync_no, started->sync.streams.front().plan};
  }

  WriterClaim ClaimOf(const LoadedStream& stream, absl::string_view writer_id) {
    absl::StatusOr<ClaimedWriter> claimed =
        store_->ClaimWriter(stream.sync_no, stream.plan.stream_no, writer_id);
    EXPECT_OK(claimed);
    return claimed.ok() ? claimed->claim : WriterClaim{};
  }

  std::unique_ptr<Block> MakeBlock(const LoadedStream& stream, const WriterClaim& claim,
                                   int64_t begin, int64_t end,
                                   write::DueCheckpoints checkpoints = {}) {
    auto block = std::make_unique<Block>(&load_, stream, claim, std::move(checkpoints));
    Fill(block->buffer(), begin, end);
    return block;
  }

  // Commits records [begin, end).
  absl::StatusOr<write::FlushResult> Load(const LoadedStream& stream, const WriterClaim& claim,
                                          int64_t begin, int64_t end) {
    return FlushAll(MakeBlock(stream, claim, begin, end)->buffer());
  }

  // Claims a writer and commits its first record, after which it is known that the table's blocks
  // may be committed together with others.
  WriterClaim Warm(const LoadedStream& stream, absl::string_view writer_id = "w") {
    const WriterClaim claim = ClaimOf(stream, writer_id);
    EXPECT_OK(Load(stream, claim, 0, 1));
    return claim;
  }

  // Hands a block in while it has to wait.
  std::unique_ptr<Block> HandIn(const LoadedStream& stream, const WriterClaim& claim, int64_t begin,
                                int64_t end, write::DueCheckpoints checkpoints = {}) {
    std::unique_ptr<Block> block = MakeBlock(stream, claim, begin, end, std::move(checkpoints));
    const absl::StatusOr<write::FlushAttempt> attempt = block->Flush();
    EXPECT_OK(attempt);
    if (attempt.ok()) {
      EXPECT_EQ(attempt->pause, absl::InfiniteDuration());
    }
    return block;
  }

  // Occupies a slot until Release. If it is the only one, what is handed in meanwhile becomes one
  // group.
  void Occupy() {
    occupant_ = LockKey();
    ASSERT_NE(occupant_, nullptr);
    const int64_t key = BackendPid(*occupant_);
    occupied_ = std::make_unique<Thread>("occupied", [this, key] {
      EXPECT_TRUE(group_->Add(MakeWaiter({0, "", 0}, key), [](write::GroupResult) {}));
    });
    WaitUntilBlocked(*Connect(), key);
  }
  void Release() {
    ASSERT_OK(occupant_->Commit());
    occupied_.reset();
  }

  // Returns a session that holds an advisory lock, whose key is the session's process id.
  std::unique_ptr<postgres::Connection> LockKey() {
    std::unique_ptr<postgres::Connection> session = Connect();
    EXPECT_OK(session->Begin());
    EXPECT_OK(session->Query("SELECT pg_advisory_xact_lock(pg_backend_pid())", {}));
    return session;
  }

  // Returns a member whose statement waits for the advisory lock of `key`, without a timeout.
  static std::shared_ptr<write::GroupMember> MakeWaiter(write::GroupMember::Key member_key,
                                                        int64_t key) {
    return std::make_shared<write::GroupMember>(
        std::move(member_key),
        postgres::Statement{"SELECT (length(pg_catalog.set_config('lock_timeout', '0', true)) + "
                            "length(pg_catalog.pg_advisory_xact_lock($1::bigint)::text))::bigint",
                            postgres::Params().Int(key)});
  }

  int64_t CountRows(absl::string_view table) {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(table)));
  }
  int64_t CountIds(absl::string_view table) {
    return QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table(table)));
  }

  postgres::OpenSockets sockets_;  // of the groups' sessions
  write::StatementTables statements_;
  std::unique_ptr<postgres::ConnectionPool> pool_;
  std::unique_ptr<postgres::ConnectionPool> group_pool_;
  std::unique_ptr<write::GroupCommit> group_;
  std::unique_ptr<postgres::Connection> occupant_;
  std::unique_ptr<Thread> occupied_;
};

}  // namespace syncline::testing

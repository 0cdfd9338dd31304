// A stream in a real ledger and what its data transactions need, without gRPC.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/free_list.h"
#include "server/metrics/metrics.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/model/writer.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"
#include "syncline/v1/records.pb.h"
#include "tests/component/ledger_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

constexpr int64_t kRecordBytes = 1000;

class WritePathTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = std::make_unique<write::StreamStateStore>(&database(), connections_.get(),
                                                       ledger_.get(), "test");
    load_.connections = connections_.get();
    load_.committer = committer_.get();
    load_.blocks = &blocks_;
    load_.locked = &locked_;
    load_.stopping = [] { return false; };
    metrics_ = metrics::Metrics::Create({});
    StartSync();
  }

  void TearDown() override {
    if (connections_ != nullptr) connections_->CloseIdle();
    PostgresTest::TearDown();
  }

  ClaimedWriter Claim(absl::string_view writer_id) {
    absl::StatusOr<ClaimedWriter> claimed =
        store_->ClaimWriter(sync_no_, plan_.stream_no, writer_id);
    EXPECT_OK(claimed);
    return claimed.ok() ? *claimed : ClaimedWriter{};
  }

  // Appends records [begin, end) to `buffer`.
  static void Fill(write::InsertBuffer& buffer, int64_t begin, int64_t end) {
    for (int64_t offset = begin; offset < end; ++offset) {
      buffer.Append({offset, 0, "{}"}, {Value::Scalar(offset)});
    }
    buffer.Cover({begin, end}, 0);
  }

  // Waits until a backend waits for a lock that `holder` has.
  void WaitUntilBlocked(postgres::Connection& asking, int64_t holder) {
    bool blocked = false;
    while (!blocked) {
      const absl::StatusOr<postgres::Result> rows = asking.Query(
          "SELECT count(*) FROM pg_stat_activity WHERE $1::int = ANY(pg_blocking_pids(pid))",
          postgres::Params().Int(holder));
      ASSERT_OK(rows);
      blocked = rows->Int(0, 0) > 0;
    }
  }

  static int64_t BackendPid(postgres::Connection& connection) {
    const absl::StatusOr<postgres::Result> pid = connection.Query("SELECT pg_backend_pid()", {});
    EXPECT_OK(pid);
    return pid.ok() ? pid->Int(0, 0) : 0;
  }

  // Starts committing records [begin, end) of `claim` on `connection`, like a backend whose COMMIT
  // is in progress.
  void CommitHalfway(postgres::Connection& connection, const WriterClaim& claim, int64_t begin,
                     int64_t end) {
    ASSERT_OK(connection.Begin());
    ASSERT_OK(connection.Execute(absl::StrCat(
        "INSERT INTO ", Table("t"), " SELECT 'late-' || n, now(), '{}', 1, n FROM generate_series(",
        begin, ",", end - 1, ") n")));
    postgres::DataCommit commit;
    commit.offsets.Add({begin, end});
    commit.rows = end - begin;
    ASSERT_OK(committer_->AdvanceOffset(connection, claim, commit));
  }

  static std::unique_ptr<v1::RecordBatch> Batch(int64_t first, int64_t records) {
    auto batch = std::make_unique<v1::RecordBatch>();
    batch->set_first_offset(first);
    for (int64_t n = first; n < first + records; ++n) {
      std::string line = absl::StrCat("{\"id\":", n, "}");
      line.resize(kRecordBytes - 1, ' ');
      absl::StrAppend(batch->mutable_jsonl(), line, "\n");
    }
    return batch;
  }

  int64_t Rows() { return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("t"))); }
  int64_t DistinctRows() {
    return QueryInt(absl::StrCat("SELECT count(DISTINCT id) FROM ", Table("t")));
  }

  std::unique_ptr<write::StreamStateStore> store_;
  std::unique_ptr<metrics::Metrics> metrics_;
  FreeBlocks blocks_{4 * write::kBlockBytes};
  write::LockedTables locked_{1};
  write::LoadContext load_;
  int64_t sync_no_ = 0;
  StreamPlan plan_;

 private:
  void StartSync() {
    write::LoaderContext loaders;
    loaders.database = &database();
    loaders.ledger = ledger_.get();
    write::SyncDraft draft;
    draft.sync.sync_id = "sync";
    StreamEntry stream;
    stream.plan.descriptor = {schema(), "t"};
    stream.plan.table = {schema(), "t"};
    stream.plan.temp_table = {schema(), "t_temp"};
    stream.plan.schema.columns.push_back({"id", "id", ColumnType::kBigint});
    draft.sync.streams.push_back(stream);
    draft.requests.push_back({{}, {stream.plan.descriptor, stream.plan.table, true}, std::nullopt});
    ASSERT_OK_AND_ASSIGN(const write::StartedSync started, write::Writer(loaders).Start(draft));
    sync_no_ = started.sync.sync_no;
    plan_ = started.sync.streams.front().plan;
  }
};

}  // namespace syncline::testing

// Old syncs are removed from the ledger, and later syncs decide as if they were still there.
#include "server/postgres/ledger/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/postgres/ledger/ledger.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr v1::StreamStatus kIncomplete = v1::STREAM_STATUS_INCOMPLETE;
constexpr absl::Duration kAge = absl::Hours(24 * 30);

Ask With(Ask ask, v1::Replay replay) {
  ask.replay = replay;
  return ask;
}

class RetentionTest : public AppTest {
 protected:
  // Removes every sync that has ended, as if that was long ago. Returns how many were removed.
  int64_t RemoveEnded() {
    Execute(absl::StrCat("UPDATE ", ledger(),
                         ".sync SET finished_at = finished_at - interval '60 days'"));
    return Remove();
  }
  int64_t Remove() {
    const absl::StatusOr<int64_t> removed = postgres::RemoveOldSyncs(
        *app().database(), postgres::Ledger(ledger()), kAge, [] { return true; });
    EXPECT_OK(removed);
    return removed.value_or(-1);
  }

  // Commits `lines` of a call with a checkpoint before the last record.
  void SendWithCheckpoint(absl::string_view sync_id, absl::string_view covered,
                          absl::string_view tail, absl::string_view table = kTable) {
    const std::unique_ptr<client::RecordsCall> call = client().StreamRecords();
    v1::StreamRecordsRequest request;
    request.mutable_header()->set_sync_id(std::string(sync_id));
    request.mutable_header()->mutable_descriptor()->set_name(std::string(table));
    call->Write(request);
    request.mutable_batch()->set_jsonl(std::string(covered));
    call->Write(request);
    request.mutable_checkpoint()->set_checkpoint_id("c");
    request.mutable_checkpoint()->set_state("state");
    call->Write(request);
    request.mutable_batch()->set_first_offset(1);
    request.mutable_batch()->set_jsonl(std::string(tail));
    call->Write(request);
    EXPECT_OK(call->Finish());
  }

  std::vector<std::string> Warnings(absl::string_view sync_id, const Ask& ask,
                                    absl::string_view table = kTable) {
    const absl::StatusOr<v1::StartSyncResponse> started = Start(sync_id, ask, table);
    if (!started.ok()) return {std::string(GetReason(started.status()))};
    std::vector<std::string> codes;
    for (const v1::Warning& warning : started->streams(0).warnings()) {
      codes.push_back(warning.code());
    }
    return codes;
  }

  // The tables of the ledger that have rows.
  std::vector<std::string> FilledTables() {
    std::vector<std::string> filled;
    for (const auto& row : QueryText(absl::StrCat(
             "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = '", ledger(),
             "'::regnamespace AND relname NOT IN ('migration', 'server')"))) {
      if (QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(), ".", row[0])) > 0) {
        filled.push_back(row[0]);
      }
    }
    return filled;
  }
};

TEST_F(RetentionTest, OldSyncGoesWithAllItsRows) {
  ASSERT_OK(Start("s1", Append(1)));
  SendWithCheckpoint("s1", Record(1, "a"), "{\"id\":\"x\"}\n{\"id\":2,\"more\":1}\nbad\n");
  ASSERT_OK(Complete("s1"));
  EXPECT_EQ(Remove(), 0) << "it has just ended";
  EXPECT_EQ(RemoveEnded(), 1);
  EXPECT_THAT(FilledTables(), UnorderedElementsAre("generation", "stream_table", "table_column"));
  EXPECT_EQ(GetReason(client().GetSync("s1").status()), "UNKNOWN_SYNC");
  EXPECT_EQ(
      QueryText(absl::StrCat("SELECT sync_no, completed_stream_no FROM ", ledger(), ".generation")),
      (std::vector<std::vector<std::string>>{{"1", "1"}}));
}

TEST_F(RetentionTest, UnfinishedSyncStaysListed) {
  ASSERT_OK(Start("open", Append(1), "other"));
  ASSERT_OK(Send("open", Record(1, "a"), 0, "other"));
  Execute(absl::StrCat("UPDATE ", ledger(), ".sync SET started_at = now() - interval '1 year'"));
  for (const char* const id : {"s1", "s2", "s3"}) Load(id, Append(1), Record(1, "a"));
  EXPECT_EQ(RemoveEnded(), 3);
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary sync, client().GetSync("open"));
  EXPECT_EQ(sync.streams(0).records_written(), 1);
  ASSERT_OK(Complete("open", v1::STREAM_STATUS_COMPLETE, "other"));
  EXPECT_EQ(RemoveEnded(), 1);
}

TEST_F(RetentionTest, SyncWithStagedRowsStays) {
  const Ask ask = With(Replace(1), v1::REPLAY_FROM_CHECKPOINT);
  ASSERT_OK(Start("s1", ask));
  SendWithCheckpoint("s1", Record(1, "a"), Record(2, "b"));
  ASSERT_OK(Complete("s1", kIncomplete));
  EXPECT_EQ(RemoveEnded(), 0);
  // Without the entry of the staging table, its name is enough, in either schema.
  Execute(absl::StrCat("DELETE FROM ", ledger(), ".staging"));
  EXPECT_EQ(RemoveEnded(), 0);
  Execute(absl::StrCat("ALTER TABLE ", StagingTable(), " SET SCHEMA ", schema()));
  EXPECT_EQ(RemoveEnded(), 0);
  EXPECT_THAT(Warnings("s2", ask), ElementsAre("STAGED_ROWS_REPLAYED"));
  EXPECT_EQ(StagedRows(), "1:a@1");
  ASSERT_OK(Send("s2", Record(3, "c")));
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "1:a@1 3:c@1");
  EXPECT_EQ(RemoveEnded(), 2);
}

// The rows of "s1" are before the last completed sync, which is removed while "s1" stays.
TEST_F(RetentionTest, RemovedCompletionStillSeparatesEarlierTails) {
  const Ask ask = With(Append(1), v1::REPLAY_FROM_CHECKPOINT);
  v1::StartSyncRequest request;
  request.set_sync_id("s1");
  *request.add_streams() = Stream(ask);
  *request.add_streams() = Stream(ask, "open");
  ASSERT_OK(client().StartSync(request));
  SendWithCheckpoint("s1", Record(1, "a"), Record(2, "b"));
  ASSERT_OK(Complete("s1", kIncomplete));
  EXPECT_THAT(Warnings("s2", ask), ElementsAre("ROWS_AFTER_CHECKPOINT"));
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(RemoveEnded(), 1);
  EXPECT_THAT(Warnings("s3", ask), IsEmpty());
}

// What later syncs may do, and what comes out, with and without the earlier syncs in the ledger.
TEST_F(RetentionTest, LaterSyncsDecideAsBefore) {
  std::vector<std::vector<std::string>> histories;
  for (const bool removes : {false, true}) {
    const std::string table = removes ? "removed" : "kept";
    std::vector<std::string>& history = histories.emplace_back();
    int syncs = 0;
    const auto start = [&](Ask ask, const std::string& connection = "mine") {
      if (removes) RemoveEnded();
      ask.connection = connection;
      for (std::string& warning : Warnings(absl::StrCat(table, ++syncs), ask, table)) {
        history.push_back(std::move(warning));
      }
    };
    const auto finish = [&](const std::string& lines, v1::StreamStatus status) {
      const std::string sync_id = absl::StrCat(table, syncs);
      ASSERT_OK(Send(sync_id, lines, 0, table));
      ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete(sync_id, status, table));
      history.push_back(
          absl::StrCat(v1::Outcome_Name(done.outcome()), " ", Rows(table), " | ", History(table)));
    };
    start(Replace(1));
    finish(Record(1, "a"), v1::STREAM_STATUS_COMPLETE);
    start(Replace(2), "other");
    start(Replace(0));
    // A restart of a completed generation replaces it.
    start(With(Replace(1), v1::REPLAY_FROM_START));
    finish(Record(2, "b"), v1::STREAM_STATUS_COMPLETE);
    // Without a replay the rows are added.
    start(Replace(1));
    finish(Record(3, "c"), v1::STREAM_STATUS_COMPLETE);
    start(Dedup(2));
    finish(Record(3, "new", 1), kIncomplete);
    start(DedupReplace(3));
    finish(Record(4, "d"), kIncomplete);
    start(With(DedupReplace(3), v1::REPLAY_FROM_CHECKPOINT));
    finish(Record(5, "e"), v1::STREAM_STATUS_COMPLETE);
    // A dropped table starts again, and may change its owner.
    Execute(absl::StrCat("DROP TABLE ", Table(table)));
    start(Append(1), "other");
    finish(Record(6, "f"), v1::STREAM_STATUS_COMPLETE);
    start(Append(1), "mine");
  }
  EXPECT_EQ(histories[0], histories[1]);
  EXPECT_EQ(histories[0].size(), 12u);
}

}  // namespace
}  // namespace syncline::testing

// The decision tables of the four loaders (docs/loading.md), row by row, through the real RPCs.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

constexpr v1::StreamStatus kIncomplete = v1::STREAM_STATUS_INCOMPLETE;

std::string People(int64_t from, int64_t to, absl::string_view name) {
  std::string lines;
  for (int64_t id = from; id <= to; ++id) absl::StrAppend(&lines, Record(id, name));
  return lines;
}

using AppendLoaderTest = AppTest;

TEST_F(AppendLoaderTest, CreatesTableAndShowsCommittedRows) {
  ASSERT_OK(Start("s1", Append(0)));
  EXPECT_EQ(Rows(), "");
  EXPECT_EQ(History(), "0:loading:0");
  ASSERT_OK(Send("s1", People(1, 2, "a")));
  EXPECT_EQ(Rows(), "1:a@0 2:a@0");
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s1"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_APPENDED);
  EXPECT_EQ(done.rows(), 2);
  EXPECT_EQ(History(), "0:completed:2");
  EXPECT_EQ(StagedRows(), "missing");
}

TEST_F(AppendLoaderTest, EvolvesExistingTable) {
  Load("s1", Append(3), Record(1, "a"));
  Ask wider = Append(3);
  wider.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"city":{"type":"string"}}})";
  Load("s2", wider, "{\"id\":2,\"name\":\"b\",\"city\":\"Bonn\"}\n");
  EXPECT_EQ(Rows(), "1:a@3 2:b@3");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT city FROM ", Table(kTable), " WHERE id = 2")), "Bonn");
  EXPECT_EQ(History(), "3:completed:2");
}

TEST_F(AppendLoaderTest, CopiesStagingTableOfCancelledReplace) {
  Load("s1", Append(4), Record(1, "old"));
  LoadAndCancel("s2", Replace(5), People(2, 3, "kept"));
  EXPECT_EQ(Rows(), "1:old@4");
  EXPECT_EQ(StagedRows(), "2:kept@5 3:kept@5");
  EXPECT_EQ(History(), "4:completed:1 5:cancelled:0");
  ASSERT_OK(Start("s3", Append(6)));
  EXPECT_EQ(Rows(), "1:old@4 2:kept@5 3:kept@5");
  EXPECT_EQ(StagedRows(), "missing");
  // The rows of generation 5 are now in the table.
  EXPECT_EQ(History(), "4:completed:1 5:cancelled:2 6:loading:0");
  ASSERT_OK(Send("s3", Record(4, "new")));
  ASSERT_OK(Complete("s3"));
  EXPECT_EQ(Rows(), "1:old@4 2:kept@5 3:kept@5 4:new@6");
  EXPECT_EQ(History(), "4:completed:1 5:cancelled:2 6:completed:1");
}

TEST_F(AppendLoaderTest, CopiesStagingTableWithOtherColumns) {
  Ask narrow = Dedup(0);
  narrow.json_schema = R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"}}})";
  LoadAndCancel("s1", narrow, "{\"id\":1,\"name\":\"staged\"}\n");
  EXPECT_EQ(Rows(), "missing");
  Load("s2", Append(0), Record(2, "b", 7));
  EXPECT_EQ(Rows(), "1:staged@0 2:b@0");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT count(at) FROM ", Table(kTable))), "1");
  EXPECT_EQ(History(), "0:completed:2");
}

TEST_F(AppendLoaderTest, IncompleteKeepsRows) {
  const v1::CompleteStreamResponse done = Load("s1", Append(2), Record(1, "a"), kIncomplete);
  EXPECT_EQ(done.outcome(), v1::OUTCOME_APPENDED);
  EXPECT_EQ(Rows(), "1:a@2");
  EXPECT_EQ(History(), "2:incomplete:1");
  Load("s2", Append(2), Record(2, "b"));
  EXPECT_EQ(Rows(), "1:a@2 2:b@2");
  EXPECT_EQ(History(), "2:completed:2");
}

TEST_F(AppendLoaderTest, CancelledAppendKeepsRowsAndHistory) {
  LoadAndCancel("s1", Append(2), People(1, 3, "a"));
  EXPECT_EQ(Rows(), "1:a@2 2:a@2 3:a@2");
  EXPECT_EQ(History(), "2:cancelled:3");
}

using DedupLoaderTest = AppTest;

TEST_F(DedupLoaderTest, MergesOnCompletion) {
  ASSERT_OK(Start("s1", Dedup(0)));
  ASSERT_OK(Send("s1", Record(1, "old", 1) + Record(1, "new", 2) + Record(2, "b", 1)));
  EXPECT_EQ(Rows(), "missing");
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s1"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_MERGED);
  EXPECT_EQ(Rows(), "1:new@0 2:b@0");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "0:completed:2");
  // Older and equal rows lose; a newer one wins.
  const v1::CompleteStreamResponse again =
      Load("s2", Dedup(0), Record(1, "stale", 1) + Record(2, "newer", 5) + Record(3, "c", 1));
  EXPECT_EQ(again.rows(), 2);
  EXPECT_EQ(Rows(), "1:new@0 2:newer@0 3:c@0");
  EXPECT_EQ(History(), "0:completed:4");
}

TEST_F(DedupLoaderTest, IncompleteAlsoMerges) {
  Load("s1", Dedup(1), Record(1, "a", 1));
  const v1::CompleteStreamResponse done = Load("s2", Dedup(1), Record(1, "b", 2), kIncomplete);
  EXPECT_EQ(done.outcome(), v1::OUTCOME_MERGED);
  EXPECT_EQ(Rows(), "1:b@1");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_NE(History().find("1:incomplete:"), std::string::npos);
}

TEST_F(DedupLoaderTest, KeepsRowsOfCancelledSync) {
  LoadAndCancel("s1", Dedup(1), Record(1, "a", 1) + Record(2, "a", 1));
  EXPECT_EQ(StagedRows(), "1:a@1 2:a@1");
  Load("s2", Dedup(1), Record(2, "b", 2));
  EXPECT_EQ(Rows(), "1:a@1 2:b@1");
  EXPECT_EQ(StagedRows(), "missing");
}

TEST_F(DedupLoaderTest, KeepsRowsOfCancelledReplace) {
  Load("s1", Dedup(4), Record(1, "old", 1) + Record(2, "old", 1));
  LoadAndCancel("s2", DedupReplace(5), Record(2, "kept", 2) + Record(3, "kept", 2));
  Load("s3", Dedup(6), Record(3, "new", 3) + Record(4, "new", 3));
  EXPECT_EQ(Rows(), "1:old@4 2:kept@5 3:new@6 4:new@6");
  EXPECT_EQ(StagedRows(), "missing");
}

TEST_F(DedupLoaderTest, EvolvesBothTables) {
  Load("s1", Dedup(1), Record(1, "a", 1));
  LoadAndCancel("s2", Dedup(1), Record(2, "b", 1));
  Ask wider = Dedup(1);
  wider.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"city":{"type":"string"}}})";
  Load("s3", wider, "{\"id\":3,\"name\":\"c\",\"city\":\"Bonn\"}\n");
  EXPECT_EQ(Rows(), "1:a@1 2:b@1 3:c@1");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT count(*) || '/' || count(city) FROM ", Table(kTable))),
            "3/1");
}

TEST_F(DedupLoaderTest, AppliesDeletionsOfTheSource) {
  Ask ask = Dedup(1);
  ask.deletes = true;
  Load("s1", ask, Record(1, "a", 1) + Record(2, "b", 1) + Record(3, "c", 5));
  Load("s2", ask,
       "{\"id\":1,\"at\":2,\"_ab_cdc_deleted_at\":\"2024-01-01T00:00:00Z\"}\n"
       "{\"id\":3,\"at\":4,\"_ab_cdc_deleted_at\":\"2024-01-01T00:00:00Z\"}\n"
       "{\"id\":9,\"at\":2,\"_ab_cdc_deleted_at\":\"2024-01-01T00:00:00Z\"}\n" +
           Record(2, "b2", 2));
  // 1 is deleted, the older deletion of 3 loses, and the deletion of the unknown 9 inserts nothing.
  EXPECT_EQ(Rows(), "2:b2@1 3:c@1");
}

// Tests that apply to both truncating loaders.
class ReplaceTest : public AppTest, public ::testing::WithParamInterface<v1::WriteMode> {
 protected:
  Ask Fresh(int64_t generation) const {
    return GetParam() == v1::WRITE_MODE_DEDUP ? DedupReplace(generation) : Replace(generation);
  }
};

// Large tables are not scanned for their generation. The ledger leads to the same decision.
TEST_P(ReplaceTest, LargeTableIsLoadedLikeASmallOne) {
  const auto bloat = [&] {
    Execute(absl::StrCat("INSERT INTO ", schema(), ".", kTable,
                         " (_airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta, "
                         "_airbyte_generation_id, id) SELECT repeat('x', 100), now(), '{}', 0, -i "
                         "FROM generate_series(1, 60000) i"));
    Execute(absl::StrCat("DELETE FROM ", schema(), ".", kTable, " WHERE id < 0"));
    ASSERT_GT(std::stoll(QueryValue(
                  absl::StrCat("SELECT pg_relation_size('", schema(), ".", kTable, "')"))),
              8 << 20);
  };
  Load("s1", Append(3), Record(1, "a"));
  bloat();
  EXPECT_THAT(Start("stale", Fresh(2)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  // Generation 4 is complete, but all rows are older.
  Load("s2", Append(4), "");
  EXPECT_EQ(Load("s3", Fresh(4), People(2, 3, "b")).outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "2:b@4 3:b@4");
  bloat();
  EXPECT_EQ(Load("s4", Fresh(4), Record(4, "c")).outcome(),
            GetParam() == v1::WRITE_MODE_DEDUP ? v1::OUTCOME_MERGED : v1::OUTCOME_APPENDED);
  EXPECT_EQ(Rows(), "2:b@4 3:b@4 4:c@4");
  // A cancelled append also left rows.
  bloat();
  LoadAndCancel("s5", Append(6), Record(5, "d"));
  EXPECT_THAT(Start("stale", Fresh(5)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  EXPECT_EQ(Load("s6", Fresh(7), Record(6, "e")).outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "6:e@7");
}

TEST_P(ReplaceTest, SwapsInFirstTable) {
  ASSERT_OK(Start("s1", Fresh(1)));
  ASSERT_OK(Send("s1", People(1, 2, "a")));
  EXPECT_EQ(Rows(), "missing");
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s1"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(done.rows(), 2);
  EXPECT_EQ(done.generation_id(), 1);
  EXPECT_EQ(Rows(), "1:a@1 2:a@1");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "1:completed:2");
}

TEST_P(ReplaceTest, ReadersSeeOldTableUntilSwap) {
  Load("s1", Fresh(1), People(1, 2, "old"));
  ASSERT_OK(Start("s2", Fresh(2)));
  ASSERT_OK(Send("s2", People(5, 5, "new")));
  EXPECT_EQ(Rows(), "1:old@1 2:old@1");
  EXPECT_EQ(History(), "1:completed:2 2:loading:0");
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "5:new@2");
  EXPECT_EQ(History(), "1:completed:2 2:completed:1");
}

TEST_P(ReplaceTest, IncompleteIsResumedBySyncOfSameGeneration) {
  Load("s1", Fresh(1), People(1, 1, "old"));
  const v1::CompleteStreamResponse kept = Load("s2", Fresh(2), People(1, 2, "new"), kIncomplete);
  EXPECT_EQ(kept.outcome(), v1::OUTCOME_KEPT_FOR_RESUME);
  EXPECT_EQ(Rows(), "1:old@1");
  EXPECT_EQ(StagedRows(), "1:new@2 2:new@2");
  // Nothing of generation 2 is in the table yet.
  EXPECT_EQ(History(), "1:completed:1 2:incomplete:0");
  const v1::CompleteStreamResponse done = Load("s3", Fresh(2), People(3, 3, "new"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(done.rows(), 3);
  EXPECT_EQ(Rows(), "1:new@2 2:new@2 3:new@2");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "1:completed:1 2:completed:3");
}

TEST_P(ReplaceTest, InterruptedSyncIsResumedByAnother) {
  ASSERT_OK(Start("s1", Fresh(2)));
  ASSERT_OK(Send("s1", People(1, 2, "a")));
  RestartServer();
  ASSERT_OK(Start("s2", Fresh(2)));
  EXPECT_THAT(Send("s1", People(3, 3, "late"), 2),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_THAT(Complete("s1"), StatusIs(absl::StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  ASSERT_OK(Send("s2", People(3, 3, "b")));
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "1:a@2 2:a@2 3:b@2");
  EXPECT_EQ(History(), "2:completed:3");
}

TEST_P(ReplaceTest, OlderStagingTableIsRecreated) {
  Load("s1", Fresh(1), People(1, 1, "old"));
  LoadAndCancel("s2", Fresh(2), People(1, 3, "left"));
  ASSERT_OK(Start("s3", Fresh(3)));
  EXPECT_EQ(StagedRows(), "");
  ASSERT_OK(Send("s3", People(7, 7, "new")));
  ASSERT_OK(Complete("s3"));
  EXPECT_EQ(Rows(), "7:new@3");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "1:completed:1 2:cancelled:0 3:completed:1");
}

TEST_P(ReplaceTest, OpenOlderGenerationIsTakenOver) {
  ASSERT_OK(Start("s1", Fresh(1)));
  ASSERT_OK(Send("s1", People(1, 3, "left")));
  ASSERT_OK(Start("s2", Fresh(2)));
  EXPECT_EQ(History(), "1:cancelled:0 2:loading:0");
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "");
}

TEST_P(ReplaceTest, EmptyStagingTableIsEvolvedAndUsed) {
  ASSERT_OK(Start("s1", Fresh(2)));
  ASSERT_OK(Complete("s1", kIncomplete));
  EXPECT_EQ(StagedRows(), "");
  Ask wider = Fresh(2);
  wider.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"city":{"type":"string"}}})";
  Load("s2", wider, "{\"id\":1,\"name\":\"a\",\"city\":\"Bonn\"}\n");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT city FROM ", Table(kTable))), "Bonn");
}

TEST_P(ReplaceTest, ResumedStagingTableGetsNewSchema) {
  Load("s1", Fresh(1), People(1, 1, "old"));
  Load("s2", Fresh(2), People(1, 1, "a"), kIncomplete);
  Ask other = Fresh(2);
  other.json_schema =
      R"({"properties":{"id":{"type":"string"},"name":{"type":"string"},"city":{"type":"string"}}})";
  Load("s3", other, "{\"id\":\"x\",\"name\":\"b\",\"city\":\"Bonn\"}\n");
  EXPECT_EQ(Rows(), "1:a@2 x:b@2");
}

TEST_P(ReplaceTest, ZeroRecordsEmptyTheTable) {
  Load("s1", Fresh(1), People(1, 2, "old"));
  const v1::CompleteStreamResponse done = Load("s2", Fresh(2), "");
  EXPECT_EQ(done.outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(done.rows(), 0);
  EXPECT_EQ(Rows(), "");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "1:completed:2 2:completed:0");
}

TEST_P(ReplaceTest, ZeroRecordsIncompleteKeepsTheTable) {
  Load("s1", Fresh(1), People(1, 2, "old"));
  Load("s2", Fresh(2), "", kIncomplete);
  EXPECT_EQ(Rows(), "1:old@1 2:old@1");
  EXPECT_EQ(History(), "1:completed:2 2:incomplete:0");
}

TEST_P(ReplaceTest, SecondSyncOfCompletedGenerationAddsRows) {
  Load("s1", Fresh(1), People(1, 2, "a"));
  Load("s2", Fresh(1), People(3, 3, "b"), kIncomplete);
  EXPECT_EQ(Rows(), "1:a@1 2:a@1");
  EXPECT_EQ(History(), "1:incomplete:2");
  const v1::CompleteStreamResponse done = Load("s3", Fresh(1), People(4, 4, "c"));
  EXPECT_EQ(done.outcome(),
            GetParam() == v1::WRITE_MODE_DEDUP ? v1::OUTCOME_MERGED : v1::OUTCOME_APPENDED);
  EXPECT_EQ(done.rows(), 2);
  EXPECT_EQ(Rows(), "1:a@1 2:a@1 3:b@1 4:c@1");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "1:completed:4");
}

TEST_P(ReplaceTest, SecondSyncOfEmptyGenerationSwaps) {
  Load("s1", Fresh(1), People(1, 2, "old"));
  Load("s2", Fresh(2), "");
  const v1::CompleteStreamResponse done = Load("s3", Fresh(2), People(3, 3, "a"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "3:a@2");
  EXPECT_EQ(History(), "1:completed:2 2:completed:1");
}

INSTANTIATE_TEST_SUITE_P(Modes, ReplaceTest,
                         ::testing::Values(v1::WRITE_MODE_APPEND, v1::WRITE_MODE_DEDUP),
                         [](const ::testing::TestParamInfo<v1::WriteMode>& mode) {
                           return mode.param == v1::WRITE_MODE_DEDUP ? "Dedup" : "Append";
                         });

using AppendTruncateLoaderTest = AppTest;

TEST_F(AppendTruncateLoaderTest, KeepsEveryRecord) {
  Load("s1", Replace(1), Record(1, "a", 1) + Record(1, "b", 2));
  EXPECT_EQ(Rows(), "1:a@1 1:b@1");
}

using DedupTruncateLoaderTest = AppTest;

TEST_F(DedupTruncateLoaderTest, DeduplicatesBeforeSwap) {
  const v1::CompleteStreamResponse done =
      Load("s1", DedupReplace(1), Record(1, "a", 2) + Record(1, "b", 1) + Record(2, "c", 1));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(done.rows(), 2);
  EXPECT_EQ(Rows(), "1:a@1 2:c@1");
}

TEST_F(DedupTruncateLoaderTest, OmitsDeletedKeys) {
  Ask ask = DedupReplace(1);
  ask.deletes = true;
  Load("s1", ask,
       Record(1, "a", 1) + Record(2, "b", 1) +
           "{\"id\":1,\"at\":2,\"_ab_cdc_deleted_at\":\"2024-01-01T00:00:00Z\"}\n");
  EXPECT_EQ(Rows(), "2:b@1");
}

TEST_F(DedupTruncateLoaderTest, MergesIntoSameGenerationByKey) {
  Load("s1", DedupReplace(1), Record(1, "a", 1) + Record(2, "b", 5));
  Load("s2", DedupReplace(1), Record(1, "a2", 2) + Record(2, "stale", 1));
  EXPECT_EQ(Rows(), "1:a2@1 2:b@1");
}

}  // namespace
}  // namespace syncline::testing

// The generation that a sync gets, who may load a table, the response of CompleteStream, and the
// history in the ledger, through the real RPCs.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

constexpr v1::StreamStatus kIncomplete = v1::STREAM_STATUS_INCOMPLETE;

Ask WithoutIds() { return Ask(); }

Ask Overwrite() {
  Ask ask;
  ask.overwrite = true;
  return ask;
}

Ask WithConnection(Ask ask, absl::string_view connection) {
  ask.connection = std::string(connection);
  return ask;
}

using GenerationTest = AppTest;

TEST_F(GenerationTest, OverwriteWithoutIdsGetsNextGeneration) {
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse first, Start("s1", Overwrite()));
  EXPECT_EQ(first.streams(0).generation_id(), 1);
  EXPECT_EQ(first.streams(0).minimum_generation_id(), 1);
  EXPECT_EQ(first.streams(0).loader(), v1::LOADER_APPEND_TRUNCATE);
  ASSERT_OK(Send("s1", Record(1, "a")));
  ASSERT_OK(Complete("s1"));
  Load("s2", Overwrite(), Record(2, "b"));
  EXPECT_EQ(Rows(), "2:b@2");
  Load("s3", Overwrite(), "");
  // The table is empty: the number comes from the ledger.
  Load("s4", Overwrite(), Record(4, "d"));
  EXPECT_EQ(Rows(), "4:d@4");
  EXPECT_EQ(History(), "1:completed:1 2:completed:1 3:completed:0 4:completed:1");
}

TEST_F(GenerationTest, OverwriteWithoutIdsDiscardsStagedRows) {
  Load("s1", Overwrite(), Record(1, "a"), kIncomplete);
  Load("s2", Overwrite(), Record(2, "b"));
  EXPECT_EQ(Rows(), "2:b@2");
}

TEST_F(GenerationTest, ConcurrentOverwriteGetsItsOwnGeneration) {
  ASSERT_OK(Start("s1", Overwrite()));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse second, Start("s2", Overwrite()));
  EXPECT_EQ(second.streams(0).generation_id(), 2);
  EXPECT_EQ(History(), "1:cancelled:0 2:loading:0");
}

TEST_F(GenerationTest, AppendWithoutIdsKeepsTableGeneration) {
  Load("s1", Replace(7), Record(1, "a"));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start("s2", WithoutIds()));
  EXPECT_EQ(started.streams(0).generation_id(), 7);
  EXPECT_EQ(started.streams(0).minimum_generation_id(), 0);
  EXPECT_EQ(started.streams(0).loader(), v1::LOADER_APPEND);
  ASSERT_OK(Send("s2", Record(2, "b")));
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "1:a@7 2:b@7");
  EXPECT_EQ(History(), "7:completed:2");
}

TEST_F(GenerationTest, OlderThanTableIsStale) {
  Load("s1", Replace(5), Record(1, "a"));
  for (const Ask& ask : {Replace(4), Append(4), Dedup(4), DedupReplace(4)}) {
    EXPECT_THAT(Start("s2", ask),
                StatusIs(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  }
  EXPECT_EQ(Rows(), "1:a@5");
  EXPECT_EQ(History(), "5:completed:1");
}

TEST_F(GenerationTest, OlderThanStagedOrOpenIsStale) {
  LoadAndCancel("s1", Replace(5), Record(1, "a"));
  EXPECT_THAT(Start("s2", Replace(4)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  // Open and without rows: only the ledger has this generation.
  ASSERT_OK(Start("s3", Replace(6)));
  EXPECT_THAT(Start("s4", Replace(5)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  ASSERT_OK(Send("s3", Record(2, "b")));
  ASSERT_OK(Complete("s3"));
  EXPECT_EQ(Rows(), "2:b@6");
}

TEST_F(GenerationTest, OlderThanCompletedEmptyIsStale) {
  Load("s1", Replace(5), "");
  Load("s2", Replace(5), "", kIncomplete);
  EXPECT_THAT(Start("s3", Replace(4)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION"));
}

TEST_F(GenerationTest, ManuallyDroppedTableStartsOver) {
  Load("s1", Replace(7), Record(1, "a"));
  Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  Load("s2", Replace(1), Record(2, "b"));
  Load("s3", Replace(2), Record(3, "c"));
  EXPECT_EQ(Rows(), "3:c@2");
  EXPECT_EQ(History(), "1:completed:1 2:completed:1 7:dropped:1");
  Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  Load("s4", Append(2), Record(4, "d"));
  EXPECT_EQ(History(), "1:dropped:1 2:completed:1 7:dropped:1");
}

TEST_F(GenerationTest, HybridRefreshIsRefused) {
  Ask ask = Append(5);
  ask.minimum = 4;
  EXPECT_THAT(Start("s1", ask), StatusIs(absl::StatusCode::kUnimplemented, "HYBRID_REFRESH"));
  ask.minimum = 6;
  EXPECT_THAT(Start("s1", ask), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Rows(), "missing");
}

using OwnershipTest = AppTest;

TEST_F(OwnershipTest, OtherConnectionIsRefusedInEveryMode) {
  Load("s1", WithConnection(Append(1), "a"), Record(1, "a"));
  for (const Ask& ask : {Append(1), Replace(2), Dedup(1), DedupReplace(2)}) {
    EXPECT_THAT(Start("s2", WithConnection(ask, "b")),
                StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_OWNED"));
    EXPECT_THAT(Start("s2", ask), StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_OWNED"));
  }
  Load("s3", WithConnection(Append(1), "a"), Record(2, "a"));
  EXPECT_EQ(Rows(), "1:a@1 2:a@1");
}

TEST_F(OwnershipTest, TableIsOwnedBeforeItExists) {
  for (const Ask& ask : {Dedup(1), Replace(2), DedupReplace(3)}) {
    const std::string id = absl::StrCat("a", ask.generation);
    ASSERT_OK(Start(id, WithConnection(ask, "a")));
    EXPECT_THAT(Start("b", WithConnection(ask, "b")),
                StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_OWNED"));
    ASSERT_OK(Send(id, Record(1, "a")));
    // After the cancellation its rows are still staged and belong to "a".
    ASSERT_OK(client().CancelSync(id));
    EXPECT_THAT(Start("b", WithConnection(ask, "b")),
                StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_OWNED"));
  }
  EXPECT_EQ(Rows(), "missing");
}

TEST_F(OwnershipTest, UnownedTableIsTakenByFirstConnection) {
  Load("s1", Append(1), Record(1, "x"));
  Load("s2", WithConnection(Append(1), "a"), Record(2, "a"));
  EXPECT_THAT(Start("s3", Append(1)),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_OWNED"));
}

TEST_F(OwnershipTest, ManuallyDroppedTableHasNoOwner) {
  Load("s1", WithConnection(Append(7), "a"), Record(1, "a"));
  Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  Load("s2", WithConnection(Append(1), "b"), Record(1, "b"));
  EXPECT_THAT(Start("s3", WithConnection(Append(1), "a")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TABLE_OWNED"));
  Load("s4", WithConnection(Append(1), "b"), Record(2, "b"));
  Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  Load("s5", Append(1), Record(1, "unowned"));
  Load("s6", Append(1), Record(2, "unowned"));
  EXPECT_EQ(Rows(), "1:unowned@1 2:unowned@1");
}

using CompletionTest = AppTest;

TEST_F(CompletionTest, RepeatedCallReturnsFirstResult) {
  for (const Ask& ask : {Append(1), Dedup(1), Replace(2), DedupReplace(3)}) {
    const std::string id = absl::StrCat("s", ask.mode, "-", ask.minimum);
    const v1::CompleteStreamResponse first = Load(id, ask, Record(1, "a", ask.generation));
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse second, Complete(id));
    EXPECT_EQ(second.SerializeAsString(), first.SerializeAsString());
    // The first result is returned even if the status differs now and another server answers.
    RestartServer();
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse third, Complete(id, kIncomplete));
    EXPECT_EQ(third.SerializeAsString(), first.SerializeAsString());
  }
}

TEST_F(CompletionTest, RecordsAfterCompletionAreRefused) {
  Load("s1", Replace(1), Record(1, "a"), kIncomplete);
  EXPECT_THAT(Send("s1", Record(2, "b"), 1),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
  Load("s2", Replace(1), Record(2, "b"));
  EXPECT_THAT(Send("s2", Record(3, "c"), 1),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
  // Starting again changes nothing and returns the durable offset.
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse again, Start("s2", Replace(1)));
  EXPECT_TRUE(again.resumed());
  EXPECT_EQ(again.streams(0).writers(0).durable_offset(), 1);
  EXPECT_EQ(Rows(), "1:a@1 2:b@1");
  EXPECT_EQ(StagedRows(), "missing");
}

TEST_F(CompletionTest, WrongCountFinalizesNothing) {
  ASSERT_OK(Start("s1", Replace(1)));
  ASSERT_OK(Send("s1", Record(1, "a")));
  v1::CompleteStreamRequest request;
  request.set_sync_id("s1");
  request.mutable_descriptor()->set_name(kTable);
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  request.set_expected_records(2);
  EXPECT_THAT(client().CompleteStream(request),
              StatusIs(absl::StatusCode::kFailedPrecondition, "COUNT_MISMATCH"));
  EXPECT_EQ(Rows(), "missing");
  ASSERT_OK(Send("s1", Record(2, "b"), 1));
  EXPECT_OK(client().CompleteStream(request));
  EXPECT_EQ(Rows(), "1:a@1 2:b@1");
}

TEST_F(CompletionTest, StreamsAreFinalizedIndependently) {
  v1::StartSyncRequest request;
  request.set_sync_id("s1");
  *request.add_streams() = Stream(Replace(2), "users");
  *request.add_streams() = Stream(DedupReplace(2), "orders");
  *request.add_streams() = Stream(Append(0), "events");
  ASSERT_OK(client().StartSync(request));
  for (const char* table : {"users", "orders", "events"}) {
    ASSERT_OK(Send("s1", Record(1, "a"), 0, table));
  }
  ASSERT_OK(Complete("s1", v1::STREAM_STATUS_COMPLETE, "users"));
  EXPECT_EQ(Rows("users"), "1:a@2");
  EXPECT_EQ(Rows("orders"), "missing");
  ASSERT_OK(Complete("s1", kIncomplete, "orders"));
  EXPECT_EQ(Rows("orders"), "missing");
  EXPECT_EQ(StagedRows("orders"), "1:a@2");
  ASSERT_OK_AND_ASSIGN(v1::SyncSummary sync, client().GetSync("s1"));
  EXPECT_EQ(sync.state(), v1::SYNC_STATE_RUNNING);
  ASSERT_OK(Complete("s1", v1::STREAM_STATUS_COMPLETE, "events"));
  ASSERT_OK_AND_ASSIGN(sync, client().GetSync("s1"));
  EXPECT_EQ(sync.state(), v1::SYNC_STATE_FINISHED);
  EXPECT_EQ(History("users"), "2:completed:1");
  EXPECT_EQ(History("orders"), "2:incomplete:0");
  EXPECT_EQ(History("events"), "0:completed:1");
}

TEST_F(CompletionTest, CancelledSyncCannotComplete) {
  LoadAndCancel("s1", Replace(1), Record(1, "a"));
  EXPECT_THAT(Complete("s1"), StatusIs(absl::StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_EQ(Rows(), "missing");
  EXPECT_EQ(StagedRows(), "1:a@1");
  EXPECT_EQ(History(), "1:cancelled:0");
}

TEST_F(CompletionTest, CancelledAppendKeepsHistoryOfTheOther) {
  ASSERT_OK(Start("s1", Append(1)));
  ASSERT_OK(Start("s2", Append(1)));
  ASSERT_OK(Send("s1", Record(1, "a")));
  ASSERT_OK(Send("s2", Record(2, "b")));
  ASSERT_OK(client().CancelSync("s1"));
  EXPECT_EQ(History(), "1:loading:1");
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "1:a@1 2:b@1");
  EXPECT_EQ(History(), "1:completed:2");
}

}  // namespace
}  // namespace syncline::testing

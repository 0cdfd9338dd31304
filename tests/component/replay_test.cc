// What a later sync does with rows that its source sends again: `replay`, restarts of a generation,
// and discarded rows, through the real RPCs.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

constexpr v1::StreamStatus kIncomplete = v1::STREAM_STATUS_INCOMPLETE;

std::string People(int64_t from, int64_t to, absl::string_view name = "a") {
  std::string lines;
  for (int64_t id = from; id <= to; ++id) absl::StrAppend(&lines, Record(id, name));
  return lines;
}

Ask With(Ask ask, v1::Replay replay) {
  ask.replay = replay;
  return ask;
}

Ask FromCheckpoint(Ask ask) { return With(std::move(ask), v1::REPLAY_FROM_CHECKPOINT); }
Ask FromStart(Ask ask) { return With(std::move(ask), v1::REPLAY_FROM_START); }

class ReplayTest : public AppTest {
 protected:
  // Makes one call: `covered`, a checkpoint, then `tail`. Either may be empty; if `covered` is
  // empty there is no checkpoint.
  void SendTail(absl::string_view sync_id, absl::string_view writer, absl::string_view covered,
                absl::string_view tail) {
    const std::unique_ptr<client::RecordsCall> call = client().StreamRecords();
    v1::StreamRecordsRequest header;
    header.mutable_header()->set_sync_id(std::string(sync_id));
    header.mutable_header()->mutable_descriptor()->set_name(kTable);
    header.mutable_header()->set_writer_id(std::string(writer));
    call->Write(header);
    if (!covered.empty()) {
      call->Write(Batch(covered, 0));
      v1::StreamRecordsRequest checkpoint;
      checkpoint.mutable_checkpoint()->set_checkpoint_id("c1");
      checkpoint.mutable_checkpoint()->set_state("at c1");
      call->Write(checkpoint);
    }
    if (!tail.empty()) call->Write(Batch(tail, Count(covered)));
    EXPECT_OK(call->Finish());
  }

  // Starts a sync whose only call is SendTail, and ends it INCOMPLETE.
  void Fail(absl::string_view sync_id, const Ask& ask, absl::string_view covered,
            absl::string_view tail) {
    EXPECT_OK(Start(sync_id, ask));
    SendTail(sync_id, "", covered, tail);
    EXPECT_OK(Complete(sync_id, kIncomplete));
  }

  // Starts a sync and returns the warnings of its plan as "CODE: text".
  std::vector<std::string> Warnings(absl::string_view sync_id, const Ask& ask) {
    const absl::StatusOr<v1::StartSyncResponse> started = Start(sync_id, ask);
    EXPECT_OK(started);
    std::vector<std::string> warnings;
    if (!started.ok()) return warnings;
    for (const v1::Warning& warning : started->streams(0).warnings()) {
      warnings.push_back(absl::StrCat(warning.code(), ": ", warning.text().substr(0, 7)));
    }
    return warnings;
  }

  v1::Outcome Finish(absl::string_view sync_id, absl::string_view lines) {
    if (!lines.empty()) {
      EXPECT_OK(Send(sync_id, lines));
    }
    const absl::StatusOr<v1::CompleteStreamResponse> done = Complete(sync_id);
    EXPECT_OK(done);
    return done.ok() ? done->outcome() : v1::OUTCOME_UNSPECIFIED;
  }

  int64_t CountStagingEntries() {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(), ".staging"));
  }

 private:
  static int64_t Count(absl::string_view lines) {
    int64_t count = 0;
    for (const char c : lines) count += c == '\n' ? 1 : 0;
    return count;
  }
  static v1::StreamRecordsRequest Batch(absl::string_view lines, int64_t first_offset) {
    v1::StreamRecordsRequest batch;
    batch.mutable_batch()->set_first_offset(first_offset);
    batch.mutable_batch()->set_jsonl(std::string(lines));
    batch.mutable_batch()->set_emitted_at_ms(1700000000000);
    return batch;
  }
};

TEST_F(ReplayTest, ReplayNothingKeepsEveryStagedRow) {
  Fail("s1", Replace(1), People(1, 2), People(3, 4));
  EXPECT_TRUE(Warnings("s2", Replace(1)).empty());
  EXPECT_EQ(StagedRows(), "1:a@1 2:a@1 3:a@1 4:a@1");
}

TEST_F(ReplayTest, FromCheckpointKeepsRowsBeforeCheckpoints) {
  ASSERT_OK(Start("s1", Replace(1)));
  SendTail("s1", "w1", People(1, 3), People(4, 5));
  SendTail("s1", "w2", People(11, 12), "");
  SendTail("s1", "w3", "", People(21, 23));
  ASSERT_OK(Complete("s1", kIncomplete));
  const std::vector<std::string> warnings = Warnings("s2", FromCheckpoint(Replace(1)));
  EXPECT_EQ(warnings, (std::vector<std::string>{"STAGED_ROWS_REPLAYED: 5 rows "}));
  EXPECT_EQ(StagedRows(), "1:a@1 2:a@1 3:a@1 11:a@1 12:a@1");
  // Repeating the request returns the same warning and deletes nothing of its own sync.
  ASSERT_OK(Send("s2", People(4, 5, "again")));
  EXPECT_EQ(Warnings("s2", FromCheckpoint(Replace(1))), warnings);
  EXPECT_EQ(StagedRows(), "1:a@1 2:a@1 3:a@1 4:again@1 5:again@1 11:a@1 12:a@1");
  EXPECT_EQ(Finish("s2", ""), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(History(), "1:completed:7");
}

TEST_F(ReplayTest, FromCheckpointCoversEveryEarlierSync) {
  Fail("s1", Replace(1), People(1, 2), People(3, 3));
  // It continues after what is durable: its own rows follow three of s1.
  Fail("s2", Replace(1), People(4, 5), People(6, 6));
  Fail("s3", Replace(1), "", People(7, 8));
  ASSERT_OK(Start("s4", FromCheckpoint(Replace(1))));
  EXPECT_EQ(StagedRows(), "1:a@1 2:a@1 4:a@1 5:a@1");
}

TEST_F(ReplayTest, FromCheckpointFirstEndsOpenStream) {
  ASSERT_OK(Start("s1", Replace(1)));
  SendTail("s1", "", People(1, 2), People(3, 3));
  ASSERT_OK(Start("s2", FromCheckpoint(Replace(1))));
  EXPECT_EQ(StagedRows(), "1:a@1 2:a@1");
  EXPECT_FALSE(Send("s1", People(4, 4), 3).ok());
  EXPECT_EQ(Finish("s2", People(3, 4)), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "1:a@1 2:a@1 3:a@1 4:a@1");
}

TEST_F(ReplayTest, DedupDeletesRowsThatAreSentAgain) {
  ASSERT_OK(Start("s1", Dedup(1)));
  SendTail("s1", "", People(1, 1), People(2, 2));
  ASSERT_OK(Start("s2", FromCheckpoint(Dedup(1))));
  EXPECT_EQ(StagedRows(), "1:a@1");
  EXPECT_EQ(Finish("s2", People(3, 3)), v1::OUTCOME_MERGED);
  EXPECT_EQ(Rows(), "1:a@1 3:a@1");
}

TEST_F(ReplayTest, AppendTakesStagedRowsBeforeCheckpoint) {
  Load("s1", Append(4), Record(1, "old"));
  Fail("s2", Replace(5), People(2, 3), People(4, 6));
  ASSERT_OK(Start("s3", FromCheckpoint(Append(6))));
  EXPECT_EQ(Rows(), "1:old@4 2:a@5 3:a@5");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(CountStagingEntries(), 0);
  EXPECT_EQ(History(), "4:completed:1 5:incomplete:2 6:loading:0");
}

TEST_F(ReplayTest, AppendWarnsOfVisibleRowsAndDeletesNone) {
  Fail("s1", Append(1), People(1, 2), People(3, 5));
  EXPECT_TRUE(Warnings("s2", Append(1)).empty());
  ASSERT_OK(client().CancelSync("s2"));
  const std::vector<std::string> warning = {"ROWS_AFTER_CHECKPOINT: 3 rows "};
  EXPECT_EQ(Warnings("s3", FromCheckpoint(Append(1))), warning);
  EXPECT_EQ(Rows(), "1:a@1 2:a@1 3:a@1 4:a@1 5:a@1");
  EXPECT_EQ(Finish("s3", People(3, 6, "b")), v1::OUTCOME_APPENDED);
  // Rows of a completed sync cause no warning.
  EXPECT_TRUE(Warnings("s4", FromStart(Append(1))).empty());
}

TEST_F(ReplayTest, RejectedRecordsAreNotCountedAsRows) {
  Ask ask = Append(1);
  Fail("s1", ask, People(1, 1), absl::StrCat("not json\n", Record(3, "a")));
  EXPECT_EQ(Warnings("s2", FromStart(ask)),
            (std::vector<std::string>{"ROWS_AFTER_CHECKPOINT: 1 rows "}));
}

using RestartTest = ReplayTest;

TEST_F(RestartTest, SameGenerationReplacesTableOnEverySync) {
  for (const Ask& ask : {FromStart(Replace(1)), FromStart(DedupReplace(1))}) {
    Execute(absl::StrCat("DROP TABLE IF EXISTS ", Table(kTable)));
    for (int run = 1; run <= 3; ++run) {
      const std::string id =
          absl::StrCat(ask.mode == v1::WRITE_MODE_DEDUP ? "dedup" : "append", run);
      ASSERT_OK(Start(id, ask));
      EXPECT_EQ(Finish(id, People(run, run + 1)), v1::OUTCOME_SWAPPED);
      EXPECT_EQ(Rows(), absl::StrCat(run, ":a@1 ", run + 1, ":a@1"));
      EXPECT_EQ(History(), "1:completed:2");
      EXPECT_EQ(CountStagingEntries(), 0);
    }
  }
}

TEST_F(RestartTest, WithoutRecordsChangesNothing) {
  Load("s1", FromStart(Replace(2)), People(1, 2));
  ASSERT_OK(Start("s2", FromStart(Replace(2))));
  EXPECT_EQ(Finish("s2", ""), v1::OUTCOME_UNCHANGED);
  EXPECT_EQ(Rows(), "1:a@2 2:a@2");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "2:completed:2");
  // A new generation without records does empty the table.
  ASSERT_OK(Start("s3", FromStart(Replace(3))));
  EXPECT_EQ(Finish("s3", ""), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "");
}

TEST_F(RestartTest, InterruptedRestartIsResumed) {
  Load("s1", FromStart(Replace(2)), People(1, 3));
  Fail("s2", FromStart(Replace(2)), People(1, 2, "b"), People(3, 3, "b"));
  EXPECT_EQ(Rows(), "1:a@2 2:a@2 3:a@2");
  ASSERT_OK(Start("s3", FromStart(Replace(2))));
  EXPECT_EQ(StagedRows(), "1:b@2 2:b@2");
  // Nothing is sent in this sync, but an earlier restart left records.
  EXPECT_EQ(Finish("s3", ""), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "1:b@2 2:b@2");
}

TEST_F(RestartTest, RestartResumedByOtherReplayIsPublished) {
  Load("s1", Replace(2), People(1, 3));
  Fail("s2", FromStart(Replace(2)), People(1, 2, "b"), "");
  ASSERT_OK(Start("s3", FromCheckpoint(Replace(2))));
  EXPECT_EQ(Finish("s3", People(3, 3, "b")), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "1:b@2 2:b@2 3:b@2");
}

TEST_F(RestartTest, RestartWithoutCheckpointIsDropped) {
  Load("s1", Replace(2), People(1, 2));
  Fail("s2", FromStart(Replace(2)), "", People(1, 1, "b"));
  // The source's last state is that of s1, so what it sends now is added.
  ASSERT_OK(Start("s3", FromCheckpoint(Replace(2))));
  EXPECT_EQ(Finish("s3", People(3, 3)), v1::OUTCOME_APPENDED);
  EXPECT_EQ(Rows(), "1:a@2 2:a@2 3:a@2");
}

TEST_F(RestartTest, RestartDropsRowsStagedAfterCompletion) {
  Load("s1", Replace(2), People(1, 2));
  Fail("s2", Replace(2), People(3, 3), "");
  EXPECT_EQ(StagedRows(), "3:a@2");
  ASSERT_OK(Start("s3", FromStart(Replace(2))));
  EXPECT_EQ(StagedRows(), "");
  EXPECT_EQ(Finish("s3", People(1, 3, "b")), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "1:b@2 2:b@2 3:b@2");
}

TEST_F(RestartTest, MinimumZeroReplacesNothing) {
  Load("s1", FromStart(Append(1)), People(1, 2));
  Load("s2", FromStart(Append(1)), People(1, 2, "b"));
  EXPECT_EQ(Rows(), "1:a@1 1:b@1 2:a@1 2:b@1");
  Load("s3", FromStart(Dedup(1)), People(3, 3));
  Load("s4", FromStart(Dedup(1)), "");
  EXPECT_EQ(Rows().substr(Rows().size() - 5), "3:a@1");
}

TEST_F(RestartTest, DroppedTableStartsOver) {
  Load("s1", FromStart(Replace(1)), People(1, 2));
  Execute(absl::StrCat("DROP TABLE ", Table(kTable)));
  ASSERT_OK(Start("s2", FromStart(Replace(1))));
  EXPECT_EQ(Finish("s2", ""), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Rows(), "");
}

using StreamEndTest = ReplayTest;

TEST_F(StreamEndTest, DiscardStagedDropsStagedRows) {
  for (const Ask& ask : {Replace(1), Dedup(2)}) {
    const std::string id = absl::StrCat("s", ask.generation);
    ASSERT_OK(Start(id, ask));
    ASSERT_OK(Send(id, People(1, 2)));
    v1::CompleteStreamRequest request;
    request.set_sync_id(id);
    request.mutable_descriptor()->set_name(kTable);
    request.set_status(kIncomplete);
    request.set_discard_staged(true);
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, client().CompleteStream(request));
    EXPECT_EQ(done.outcome(), v1::OUTCOME_UNCHANGED);
    EXPECT_EQ(done.rows(), 0);
    EXPECT_EQ(StagedRows(), "missing");
    EXPECT_EQ(CountStagingEntries(), 0);
    EXPECT_EQ(Rows(), "missing");
  }
}

TEST_F(StreamEndTest, DiscardingACompleteStreamIsRefused) {
  ASSERT_OK(Start("s", Replace(1)));
  ASSERT_OK(Send("s", People(1, 2)));
  v1::CompleteStreamRequest request;
  request.set_sync_id("s");
  request.mutable_descriptor()->set_name(kTable);
  const auto expect_refused = [&](const std::string& field) {
    const absl::Status refused = client().CompleteStream(request).status();
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
    const std::vector<FieldViolation> violations = GetDetail(refused).violations;
    ASSERT_EQ(violations.size(), 1U);
    EXPECT_EQ(violations[0].field, field);
  };
  request.set_status(v1::STREAM_STATUS_COMPLETE);
  request.set_discard_staged(true);
  expect_refused("discard_staged");
  request.set_discard_staged(false);
  request.set_keep_earlier(true);
  expect_refused("keep_earlier");
  request.set_status(kIncomplete);
  expect_refused("keep_earlier");
  EXPECT_EQ(StagedRows(), "1:a@1 2:a@1");
  request.set_keep_earlier(false);
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse kept, client().CompleteStream(request));
  EXPECT_EQ(kept.outcome(), v1::OUTCOME_KEPT_FOR_RESUME);
}

TEST_F(StreamEndTest, KeepEarlierDeletesRowsOfThisSync) {
  for (const Ask& ask : {Dedup(2), Replace(3), DedupReplace(4)}) {
    const std::string id = absl::StrCat("s", ask.generation);
    LoadAndCancel(id, ask, People(1, 2));
    v1::CompleteStreamRequest request;
    request.mutable_descriptor()->set_name(kTable);
    request.set_status(kIncomplete);
    request.set_discard_staged(true);
    request.set_keep_earlier(true);
    request.set_sync_id(id + "/again");
    ASSERT_OK(Start(request.sync_id(), ask));
    ASSERT_OK(Send(request.sync_id(), People(2, 5)));
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse kept, client().CompleteStream(request));
    EXPECT_EQ(kept.outcome(), v1::OUTCOME_KEPT_FOR_RESUME);
    EXPECT_EQ(StagedRows(), absl::StrCat("1:a@", ask.generation, " 2:a@", ask.generation));
    EXPECT_EQ(Rows(), "missing");
    // Repeating the call returns the same. A sync that staged alone leaves nothing.
    EXPECT_EQ(client().CompleteStream(request)->outcome(), v1::OUTCOME_KEPT_FOR_RESUME);
    Execute(absl::StrCat("DELETE FROM ", StagingTable()));
    request.set_sync_id(id + "/alone");
    ASSERT_OK(Start(request.sync_id(), ask));
    ASSERT_OK(Send(request.sync_id(), People(2, 5)));
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse gone, client().CompleteStream(request));
    EXPECT_EQ(gone.outcome(), v1::OUTCOME_UNCHANGED);
    EXPECT_EQ(StagedRows(), "missing");
  }
}

TEST_F(StreamEndTest, ResumedReplaceLoadsIntoBareTable) {
  Fail("s1", Replace(1), People(1, 1), "");
  // The constraints and indexes that a refused publication leaves behind.
  Execute(absl::StrCat("ALTER TABLE ", StagingTable(), " ALTER COLUMN name SET NOT NULL, ",
                       "ADD CONSTRAINT c CHECK (id < 5), ADD UNIQUE (id), ADD PRIMARY KEY (at)"));
  Execute(absl::StrCat("ALTER TABLE ", StagingTable(), " ADD FOREIGN KEY (at) REFERENCES ",
                       StagingTable(), " (id) NOT VALID"));
  Execute(absl::StrCat("CREATE UNIQUE INDEX ON ", StagingTable(), " (name)"));
  Execute(absl::StrCat("CREATE STATISTICS ", Table("both"), " ON id, name FROM ", StagingTable()));
  ASSERT_OK(Start("s2", Replace(1)));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent,
                       Send("s2", People(1, 1) + "{\"id\":9,\"name\":null,\"at\":0}\n"));
  EXPECT_EQ(sent.records_written(), 2);
  EXPECT_EQ(StagedRows(), "1:a@1 1:a@1 9:@1");
}

}  // namespace
}  // namespace syncline::testing

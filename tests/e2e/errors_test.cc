// Faults have clear answers with the codes of docs/errors.md. The server keeps running, and the
// next sync succeeds.
#include <gtest/gtest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;

std::string MetadataOf(const absl::Status& status, absl::string_view key) {
  for (const auto& [name, value] : GetDetail(status).metadata) {
    if (name == key) return value;
  }
  return "";
}

class ErrorsTest : public ServerTest {
 protected:
  void TearDown() override {
    if (server_ != nullptr) {
      EXPECT_TRUE(server_->running()) << "the server has exited";
      if (!HasFatalFailure()) ExpectNextSyncIsFine();
    }
    EndToEndTest::TearDown();
  }

  void ExpectNextSyncIsFine() {
    ASSERT_OK(client_->StartSync(OneStream("the next one", "next")));
    ASSERT_OK(Send(*client_, "the next one", "next", 0, 5));
    v1::CompleteStreamRequest completion = Completion("the next one", "next");
    completion.set_expected_records(5);
    ASSERT_OK(client_->CompleteStream(completion));
    EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("next"))), 5);
  }

  // Returns the status of a call that writes `requests`.
  absl::Status Call(const std::vector<v1::StreamRecordsRequest>& requests) {
    const auto call = client_->StreamRecords();
    for (const v1::StreamRecordsRequest& request : requests) {
      if (!call->Write(request)) break;
    }
    return call->Finish().status();
  }

  // Returns whether the server reports this value for the stream "rows".
  bool HasMetric(absl::string_view name, int64_t generation, int64_t value) {
    return absl::StrContains(
        server_->Metrics(),
        absl::StrCat("\n", name, "{generation=\"", generation, "\",namespace=\"", schema(),
                     "\",stream=\"rows\"} ", value, "\n"));
  }

  int64_t Count(absl::string_view table = "rows") {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(table)));
  }
};

TEST_F(ErrorsTest, UnknownSyncAndStream) {
  EXPECT_THAT(Call({Header("nobody", "rows")}), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  EXPECT_THAT(client_->GetSync("nobody"), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  EXPECT_THAT(client_->CancelSync("nobody"), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  EXPECT_THAT(client_->CompleteStream(Completion("nobody", "rows")),
              StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  const auto watch = client_->WatchSync("nobody", 0);
  v1::WatchSyncResponse event;
  EXPECT_FALSE(watch->Read(&event));
  EXPECT_THAT(watch->Finish(), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
  ASSERT_OK(client_->StartSync(OneStream("known", "rows")));
  EXPECT_THAT(Call({Header("known", "others")}), StatusIs(StatusCode::kNotFound, "UNKNOWN_STREAM"));
  EXPECT_THAT(client_->CompleteStream(Completion("known", "others")),
              StatusIs(StatusCode::kNotFound, "UNKNOWN_STREAM"));
}

TEST_F(ErrorsTest, WrongOrderOfMessages) {
  ASSERT_OK(client_->StartSync(OneStream("order", "rows")));
  EXPECT_THAT(Call({}), StatusIs(StatusCode::kInvalidArgument, "EMPTY_STREAM"));
  EXPECT_THAT(Call({Batch(0, 1)}), StatusIs(StatusCode::kFailedPrecondition, "PROTOCOL_ORDER"));
  EXPECT_THAT(Call({CheckpointOf("c", "")}),
              StatusIs(StatusCode::kFailedPrecondition, "PROTOCOL_ORDER"));
  EXPECT_THAT(Call({Header("order", "rows"), Header("order", "rows")}),
              StatusIs(StatusCode::kFailedPrecondition, "PROTOCOL_ORDER"));
  EXPECT_THAT(Call({Header("order", "rows"), v1::StreamRecordsRequest()}),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  // Records before the faulty message were sent in the right order and are committed.
  const absl::Status second = Call({Header("order", "rows"), Batch(0, 3), Header("order", "rows")});
  EXPECT_THAT(second, StatusIs(StatusCode::kFailedPrecondition, "PROTOCOL_ORDER"));
  EXPECT_EQ(MetadataOf(second, "durable_offset"), "3");
  EXPECT_EQ(Count(), 3);
}

TEST_F(ErrorsTest, RecordsAfterCompletion) {
  ASSERT_OK(client_->StartSync(OneStream("done", "rows")));
  ASSERT_OK(Send(*client_, "done", "rows", 0, 4));
  ASSERT_OK(client_->CompleteStream(Completion("done", "rows")));
  EXPECT_THAT(Send(*client_, "done", "rows", 4, 5),
              StatusIs(StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
  EXPECT_EQ(Count(), 4);
}

TEST_F(ErrorsTest, GapInOffsets) {
  ASSERT_OK(client_->StartSync(OneStream("gap", "rows")));
  const absl::Status gap = Call({Header("gap", "rows"), Batch(0, 10), Batch(11, 20)});
  EXPECT_THAT(gap, StatusIs(StatusCode::kOutOfRange, "OFFSET_GAP"));
  EXPECT_EQ(MetadataOf(gap, "expected_offset"), "10");
  ASSERT_OK(Send(*client_, "gap", "rows", 5, 20));
  EXPECT_EQ(Count(), 20);
}

TEST_F(ErrorsTest, ExpectedRecordsDiffer) {
  ASSERT_OK(client_->StartSync(OneStream("count", "rows")));
  ASSERT_OK(Send(*client_, "count", "rows", 0, 9));
  v1::CompleteStreamRequest completion = Completion("count", "rows");
  completion.set_expected_records(10);
  EXPECT_THAT(client_->CompleteStream(completion),
              StatusIs(StatusCode::kFailedPrecondition, "COUNT_MISMATCH"));
  // Nothing was finalized, so the last record can still be sent.
  ASSERT_OK(Send(*client_, "count", "rows", 9, 10));
  EXPECT_OK(client_->CompleteStream(completion));
}

TEST_F(ErrorsTest, CompletionWhileAWriterIsOpen) {
  ASSERT_OK(client_->StartSync(OneStream("open", "rows")));
  const auto call = client_->StreamRecords();
  ASSERT_TRUE(call->Write(Header("open", "rows", "w")));
  ASSERT_TRUE(call->Write(Batch(0, 5)));
  ASSERT_TRUE(call->Write(CheckpointOf("c", "")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("open") == 5; }));
  EXPECT_THAT(client_->CompleteStream(Completion("open", "rows")),
              StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  ASSERT_OK(call->Finish());
  EXPECT_OK(client_->CompleteStream(Completion("open", "rows")));
}

TEST_F(ErrorsTest, OneSyncIdForTwoRequests) {
  ASSERT_OK(client_->StartSync(OneStream("same", "rows")));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse again,
                       client_->StartSync(OneStream("same", "rows")));
  EXPECT_TRUE(again.resumed());
  EXPECT_THAT(client_->StartSync(OneStream("same", "other")),
              StatusIs(StatusCode::kInvalidArgument, "SYNC_ID_REUSED"));
}

TEST_F(ErrorsTest, Generations) {
  EXPECT_THAT(client_->StartSync(Generation("hybrid", 5, 3)),
              StatusIs(StatusCode::kUnimplemented, "HYBRID_REFRESH"));
  EXPECT_THAT(client_->StartSync(Generation("above", 5, 6)),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  EXPECT_THAT(client_->StartSync(Generation("negative", -1, -1)),
              StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  ASSERT_OK(client_->StartSync(Generation("five", 5, 5)));
  ASSERT_OK(Send(*client_, "five", "rows", 0, 3));
  ASSERT_OK(client_->CompleteStream(Completion("five", "rows")));
  EXPECT_THAT(client_->StartSync(Generation("four", 4, 4)),
              StatusIs(StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  // This also holds while a later sync of the table's generation is loading.
  ASSERT_OK(client_->StartSync(Generation("five again", 5, 0)));
  EXPECT_THAT(client_->StartSync(Generation("four again", 4, 4)),
              StatusIs(StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  EXPECT_EQ(Count(), 3);
}

TEST_F(ErrorsTest, TableOfAnotherConnection) {
  v1::StartSyncRequest mine = OneStream("mine", "rows");
  mine.set_connection_id("one");
  ASSERT_OK(client_->StartSync(mine));
  v1::StartSyncRequest theirs = OneStream("theirs", "rows");
  theirs.set_connection_id("two");
  EXPECT_THAT(client_->StartSync(theirs), StatusIs(StatusCode::kFailedPrecondition, "TABLE_OWNED"));
}

TEST_F(ErrorsTest, InvalidRequestsNameTheirFields) {
  v1::StartSyncRequest request = OneStream("bad", "rows");
  request.set_sync_id("");
  request.mutable_streams(0)->set_generation_id(3);  // no minimum
  const absl::Status invalid = client_->StartSync(request).status();
  EXPECT_THAT(invalid, StatusIs(StatusCode::kInvalidArgument, "INVALID_REQUEST"));
  EXPECT_EQ(GetDetail(invalid).violations.size(), 2);
  request = OneStream("bad", "rows");
  request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_UNSPECIFIED);
  EXPECT_THAT(client_->StartSync(request), StatusIs(StatusCode::kInvalidArgument));
  request = OneStream("bad", "rows");
  request.clear_streams();
  EXPECT_THAT(client_->StartSync(request), StatusIs(StatusCode::kInvalidArgument));
  request = OneStream("bad", "rows");
  request.mutable_streams(0)->set_json_schema("[");
  EXPECT_THAT(client_->StartSync(request), StatusIs(StatusCode::kInvalidArgument));
  request = OneStream("bad", "rows");
  request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
  EXPECT_THAT(client_->StartSync(request), StatusIs(StatusCode::kInvalidArgument));
  request = OneStream("bad", "rows");
  request.mutable_streams(0)->mutable_descriptor()->set_namespace_("pg_catalog");
  EXPECT_THAT(client_->StartSync(request),
              StatusIs(StatusCode::kPermissionDenied, "RESERVED_SCHEMA"));
  EXPECT_THAT(client_->GetSync("bad"), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
}

TEST_F(ErrorsTest, ForeignTableIsUnchanged) {
  Execute(absl::StrCat("CREATE TABLE ", Table("rows"), " (id bigint); INSERT INTO ", Table("rows"),
                       " VALUES (1)"));
  EXPECT_THAT(client_->StartSync(OneStream("foreign", "rows")),
              StatusIs(StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  EXPECT_EQ(Count(), 1);
}

TEST_F(ErrorsTest, MalformedLineIsRejectedAndOthersLoad) {
  ASSERT_OK(client_->StartSync(OneStream("lines", "rows")));
  v1::StreamRecordsRequest batch;
  batch.mutable_batch()->set_jsonl("{\"id\":1}\n{\"id\":2,\n[3]\n\n{\"id\":5}\n");
  const auto call = client_->StreamRecords();
  ASSERT_TRUE(call->Write(Header("lines", "rows")));
  ASSERT_TRUE(call->Write(batch));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse response, call->Finish());
  EXPECT_EQ(response.durable_offset(), 5);
  EXPECT_EQ(response.records_written(), 2);
  EXPECT_EQ(response.records_rejected(), 3);
  EXPECT_EQ(QueryText(absl::StrCat("SELECT id FROM ", Table("rows"), " ORDER BY id")),
            (std::vector<std::vector<std::string>>{{"1"}, {"5"}}));
  EXPECT_EQ(QueryText(absl::StrCat("SELECT \"offset\", reason, convert_from(raw, 'UTF8') FROM ",
                                   LedgerTable("rejected_record"), " ORDER BY 1")),
            (std::vector<std::vector<std::string>>{{"1", "INVALID_JSON", "{\"id\":2,"},
                                                   {"2", "NOT_AN_OBJECT", "[3]"},
                                                   {"3", "INVALID_JSON", ""}}));
  v1::CompleteStreamRequest completion = Completion("lines", "rows");
  completion.set_expected_records(5);
  EXPECT_OK(client_->CompleteStream(completion));
}

TEST_F(ErrorsTest, CancelledSync) {
  ASSERT_OK(client_->StartSync(OneStream("cancel", "rows")));
  const auto call = client_->StreamRecords();
  ASSERT_TRUE(call->Write(Header("cancel", "rows")));
  ASSERT_TRUE(call->Write(Batch(0, 5)));
  ASSERT_TRUE(call->Write(CheckpointOf("c", "")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("cancel") == 5; }));
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary cancelled, client_->CancelSync("cancel"));
  EXPECT_EQ(cancelled.state(), v1::SYNC_STATE_CANCELLED);
  EXPECT_THAT(call->Finish(), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_THAT(Send(*client_, "cancel", "rows", 5, 6),
              StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_THAT(client_->CompleteStream(Completion("cancel", "rows")),
              StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_OK(client_->CancelSync("cancel"));
}

TEST_F(ErrorsTest, MetricsCountDurableRowsByGeneration) {
  ASSERT_OK(client_->StartSync(Generation("metrics", 7, 7)));
  ASSERT_OK(Send(*client_, "metrics", "rows", 0, 42));
  EXPECT_TRUE(HasMetric("syncline_records_committed_total", 7, 42)) << server_->Metrics();
  EXPECT_TRUE(HasMetric("syncline_durable_offset", 7, 42)) << server_->Metrics();
  // gRPC may report the end of a call after the client has received the answer.
  EXPECT_TRUE(Eventually(
      [&] { return absl::StrContains(server_->Metrics(), "syncline_open_streams 0\n"); }));
}

TEST_F(ErrorsTest, ExitCodesOfTheCommandLine) {
  const std::string table = absl::StrCat(schema(), ".people");
  const std::string good = WriteFile("good.jsonl", "{\"id\":1}\n{\"id\":2}\n");
  const std::string bad = WriteFile("bad.jsonl", "{\"id\":3}\n{\"id\":\n{\"id\":5}\n");
  EXPECT_EQ(RunClient(*server_, {"load", good, "--table", table, "--sync_id", "ok"}), 0);
  EXPECT_EQ(RunClient(*server_, {"load", bad, "--table", table}), 3);
  EXPECT_EQ(RunClient(*server_, {"load", bad, "--table", table, "--allow_rejected"}), 0);
  EXPECT_EQ(Count("people"), 6);
  EXPECT_EQ(RunClient(*server_, {"load", good}), 2);
  EXPECT_EQ(RunClient(*server_, {"load", good, "--table", table, "--no_such_flag"}), 2);
  EXPECT_EQ(RunClient(*server_, {"no_such_verb"}), 2);
  EXPECT_EQ(RunClient(*server_, {"load", files().Path("absent.jsonl"), "--table", table}), 1);
  EXPECT_EQ(RunClient(*server_, {"status", "nobody"}), 1);
  EXPECT_EQ(RunClient(*server_, {"status", "ok"}), 0);
  const auto misspelled = StartClient(*server_, {"status", "okk"});
  ASSERT_NE(misspelled, nullptr);
  EXPECT_EQ(misspelled->Wait(kPatience).value_or(-1), 1);
  EXPECT_THAT(misspelled->Stderr(), ::testing::HasSubstr("did you mean ok?"));
  EXPECT_EQ(RunClient(*server_, {"list"}), 0);
  const auto watch = StartClient(*server_, {"watch", "ok", "--output", "json"});
  EXPECT_EQ(ExitCode(*watch), 0);
  EXPECT_TRUE(absl::StrContains(watch->Stdout(), "SYNC_STATE_FINISHED")) << watch->Stdout();
  EXPECT_EQ(RunClient(*server_, {"cancel", "ok"}), 0);
}

TEST_F(ErrorsTest, SigtermDrains) {
  // Only the drain commits the records of the call.
  server_ = StartServer({"--flush_interval=1h"});
  ASSERT_NE(server_, nullptr);
  client_ = server_->Client();
  ASSERT_OK(client_->StartSync(OneStream("drain", "rows")));
  const auto call = client_->StreamRecords();
  ASSERT_TRUE(call->Write(Header("drain", "rows")));
  ASSERT_TRUE(call->Write(Batch(0, 5)));
  ASSERT_TRUE(call->Write(CheckpointOf("c", "")));
  ASSERT_TRUE(Eventually([&] { return DurableRecords("drain") == 5; }));
  // Buffered when the signal arrives, and committed by the drain.
  ASSERT_TRUE(call->Write(Batch(5, 12)));
  ASSERT_TRUE(Eventually([&] { return HasMetric("syncline_records_received_total", 0, 12); }));
  EXPECT_EQ(DurableRecords("drain"), 5);
  server_->Signal(SIGTERM);
  ASSERT_TRUE(Eventually([&] { return DurableRecords("drain") == 12; }));
  const absl::Status drained = call->Finish().status();
  EXPECT_THAT(drained, StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_EQ(MetadataOf(drained, "durable_offset"), "12");
  EXPECT_TRUE(GetDetail(drained).retry_after.has_value());
  EXPECT_EQ(server_->Wait(kPatience), 0);
  EXPECT_EQ(Count(), 12);
  ASSERT_OK(server_->Restart());
  ASSERT_OK(Send(*client_, "drain", "rows", 12, 20));
  EXPECT_OK(client_->CompleteStream(Completion("drain", "rows")));
  EXPECT_EQ(Count(), 20);
}

}  // namespace
}  // namespace syncline::testing

// Messages out of order, wrong offsets, and records that are too large: rows 1-18, 39, 41, 42, 50
// and 51 of the list of bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/model/rejected_record.h"
#include "tests/e2e/bad_input_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int64_t kLastOffset = std::numeric_limits<int64_t>::max();
constexpr char kThree[] = "{\"id\":0}\n{\"id\":1}\n{\"id\":2}\n";

std::string RandomText(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string text(size, ' ');
  for (char& c : text) c = static_cast<char>('a' + random() % 26);
  return text;
}

class BadStreamTest : public BadInputTest {
 protected:
  int64_t Rows(absl::string_view table) {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(table)));
  }
  // Returns the server's count of unknown fields.
  int64_t UnknownFields() {
    constexpr absl::string_view kName = "\nsyncline_unknown_fields_total ";
    const std::string metrics = server().Metrics();
    const size_t at = metrics.find(std::string(kName));
    int64_t count = -1;
    if (at != std::string::npos) {
      const size_t begin = at + kName.size();
      EXPECT_TRUE(
          absl::SimpleAtoi(metrics.substr(begin, metrics.find('\n', begin) - begin), &count));
    }
    return count;
  }
  static v1::StreamRecordsRequest Checkpoint(std::string id) {
    v1::StreamRecordsRequest request;
    request.mutable_checkpoint()->set_checkpoint_id(std::move(id));
    return request;
  }
};

TEST_F(BadStreamTest, Row01_RecordsBeforeTheHeader) {
  EXPECT_EQ(Summary(Send({Lines(0, kThree)})), "FAILED_PRECONDITION PROTOCOL_ORDER");
  EXPECT_EQ(Summary(Send({Checkpoint("c")})), "FAILED_PRECONDITION PROTOCOL_ORDER");
}

TEST_F(BadStreamTest, Row02_SecondHeader) {
  const std::string sync_id = Started(Request("bad"));
  const Answer answer =
      Send({Header(sync_id, "bad"), Lines(0, kThree), Header(sync_id, "bad"), Lines(3, kThree)});
  EXPECT_EQ(Summary(answer), "FAILED_PRECONDITION PROTOCOL_ORDER");
  // Records before the second header are kept, and the answer has their durable offset.
  EXPECT_EQ(answer.metadata.at("durable_offset"), "3");
  EXPECT_EQ(Rows("bad"), 3);
}

TEST_F(BadStreamTest, Row03_EndWithoutCompletionNeverSwaps) {
  Execute(absl::StrCat("CREATE TABLE ", Table("bad"), " (a int)"));
  v1::StartSyncRequest first = Request("kept");
  first.mutable_streams(0)->set_overwrite(true);
  const std::string old_sync = Started(first);
  EXPECT_EQ(Summary(Send({Header(old_sync, "kept"), Lines(0, "{\"id\":7}")})), "OK");
  EXPECT_EQ(Summary(Complete(old_sync, "kept")), "OK");
  v1::StartSyncRequest second = first;
  second.set_sync_id(UniqueId("second"));
  Started(second);
  EXPECT_EQ(Summary(Send({Header(second.sync_id(), "kept"), Lines(0, kThree)})), "OK");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(id::text, ',') FROM ", Table("kept"))), "7");
}

TEST_F(BadStreamTest, Row04_RecordsAfterCompletion) {
  const std::string sync_id = Started(Request("bad"));
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, kThree)})), "OK");
  EXPECT_EQ(Summary(Complete(sync_id, "bad")), "OK");
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(3, kThree)})),
            "FAILED_PRECONDITION STREAM_COMPLETED");
  // Repeating the same calls sends nothing new.
  v1::StreamRecordsResponse again;
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, kThree)}, &again)), "OK");
  EXPECT_EQ(again.records_skipped(), 3);
  EXPECT_EQ(again.durable_offset(), 3);
  EXPECT_EQ(again.records_written(), 0);
  const Answer more = Send({Header(sync_id, "bad"), Lines(2, kThree)});
  EXPECT_EQ(Summary(more), "FAILED_PRECONDITION STREAM_COMPLETED");
  EXPECT_EQ(more.metadata.at("durable_offset"), "3");
  EXPECT_EQ(more.metadata.at("outcome"), "OUTCOME_APPENDED");
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(kLastOffset, kThree)})),
            "FAILED_PRECONDITION STREAM_COMPLETED");
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad", "another"), Lines(0, kThree)})),
            "FAILED_PRECONDITION STREAM_COMPLETED");
  EXPECT_EQ(Rows("bad"), 3);
}

// Each answer has the counts of changed values, and rejected records can be listed.
TEST_F(BadStreamTest, AnswersHaveCountsAndRejectedRecords) {
  const std::string sync_id =
      Started(Request("bad", R"("n":{"type":"integer"},"v":{"type":"string"})"));
  v1::StreamRecordsRequest lines = Lines(
      0,
      "{\"id\":1,\"n\":\"x\",\"late\":1}\na,b,c\n{\"id\":2,\"v\":\"a\\u0000\",\"n\":NaN}\nbad\n");
  lines.mutable_batch()->add_unreadable()->set_offset(1);
  lines.mutable_batch()->mutable_unreadable(0)->set_reason("FIELD_COUNT");
  for (const int64_t skipped : {0, 4}) {
    v1::StreamRecordsResponse response;
    EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), lines}, &response)), "OK");
    EXPECT_EQ(response.records_skipped(), skipped);
    EXPECT_EQ(response.values_nulled(), skipped == 0 ? 2 : 0);
    EXPECT_EQ(response.values_truncated(), skipped == 0 ? 1 : 0);
    EXPECT_EQ(response.fields_undeclared(), skipped == 0 ? 1 : 0);
  }
  v1::CompleteStreamResponse completed;
  EXPECT_EQ(Summary(Complete(sync_id, "bad", &completed)), "OK");
  EXPECT_EQ(completed.values_nulled(), 2);
  EXPECT_EQ(completed.values_truncated(), 1);
  EXPECT_EQ(completed.fields_undeclared(), 1);

  v1::ListRejectedRecordsRequest request;
  request.set_sync_id(sync_id);
  request.set_page_size(1);
  std::vector<std::string> listed;
  do {
    v1::ListRejectedRecordsResponse page;
    grpc::ClientContext context;
    ASSERT_TRUE(stub()->ListRejectedRecords(&context, request, &page).ok());
    for (const v1::RejectedRecord& record : page.records()) {
      listed.push_back(absl::StrCat(record.offset(), " ", record.reason(), " ", record.raw()));
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(listed, ::testing::ElementsAre("1 FIELD_COUNT a,b,c", "3 INVALID_JSON bad"));
  for (const char* token : {"1", "AAAA", "%"}) {
    request.set_page_token(token);
    v1::ListRejectedRecordsResponse page;
    grpc::ClientContext context;
    EXPECT_EQ(Summary(MakeAnswer(stub()->ListRejectedRecords(&context, request, &page))),
              "INVALID_ARGUMENT INVALID_REQUEST");
  }
}

TEST_F(BadStreamTest, UnreadableOffsetsMustBeInTheBatch) {
  const std::string sync_id = Started(Request("bad"));
  const auto send = [&](std::vector<int64_t> offsets, const std::string& reason) {
    v1::StreamRecordsRequest lines = Lines(0, kThree);
    for (const int64_t offset : offsets) {
      v1::UnreadableRecord* const record = lines.mutable_batch()->add_unreadable();
      record->set_offset(offset);
      record->set_reason(reason);
    }
    return Summary(Send({Header(sync_id, "bad"), lines}));
  };
  const std::string invalid = "INVALID_ARGUMENT INVALID_REQUEST";
  EXPECT_EQ(send({3}, "FIELD_COUNT"), invalid);
  EXPECT_EQ(send({-1}, "FIELD_COUNT"), invalid);
  EXPECT_EQ(send({1, 1}, "FIELD_COUNT"), invalid);
  EXPECT_EQ(send({1}, ""), invalid);
  EXPECT_EQ(send({1}, "too bad"), invalid);
  EXPECT_EQ(send({1}, std::string(65, 'A')), invalid);
  EXPECT_EQ(send({0, 2}, "FIELD_COUNT"), "OK");
  EXPECT_THAT(Rejected(sync_id), ::testing::ElementsAre("0 FIELD_COUNT", "2 FIELD_COUNT"));
  // The repeated call of a completed stream is checked in the same way.
  EXPECT_EQ(Summary(Complete(sync_id, "bad")), "OK");
  EXPECT_EQ(send({3}, "FIELD_COUNT"), invalid);
  EXPECT_EQ(send({0, 2}, "FIELD_COUNT"), "OK");
}

TEST_F(BadStreamTest, Row05_EmptyStream) {
  EXPECT_EQ(Summary(Send({})), "INVALID_ARGUMENT EMPTY_STREAM");
}

TEST_F(BadStreamTest, Row06_OverwriteWithZeroRecordsEmptiesTheTable) {
  v1::StartSyncRequest first = Request("bad");
  first.mutable_streams(0)->set_overwrite(true);
  Started(first);
  EXPECT_EQ(Summary(Send({Header(first.sync_id(), "bad"), Lines(0, kThree)})), "OK");
  EXPECT_EQ(Summary(Complete(first.sync_id(), "bad")), "OK");
  EXPECT_EQ(Rows("bad"), 3);
  first.set_sync_id(UniqueId("second"));
  Started(first);
  EXPECT_EQ(Summary(Complete(first.sync_id(), "bad")), "OK");
  EXPECT_EQ(Rows("bad"), 0);
}

TEST_F(BadStreamTest, Row07_UnknownSyncAndStream) {
  EXPECT_EQ(Summary(Send({Header("no such sync", "bad")})), "NOT_FOUND UNKNOWN_SYNC");
  const std::string sync_id = Started(Request("bad"));
  EXPECT_EQ(Summary(Send({Header(sync_id, "other")})), "NOT_FOUND UNKNOWN_STREAM");
  EXPECT_EQ(Summary(Complete(sync_id, "other")), "NOT_FOUND UNKNOWN_STREAM");
  // A NUL does not end a string, so this is not the sync's id.
  const Answer nul = Send({Header(absl::StrCat(sync_id, absl::string_view("\0x", 2)), "bad")});
  EXPECT_EQ(Summary(nul), "INVALID_ARGUMENT INVALID_REQUEST");
  EXPECT_THAT(nul.fields, ElementsAre("header.sync_id"));
}

TEST_F(BadStreamTest, Row08_UnsetOneofsAndBadIds) {
  const std::string sync_id = Started(Request("bad"));
  Answer answer = Send({v1::StreamRecordsRequest()});
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
  EXPECT_THAT(answer.fields, ElementsAre("message"));

  v1::StreamRecordsRequest no_payload;
  no_payload.mutable_batch();
  answer = Send({Header(sync_id, "bad"), no_payload});
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
  EXPECT_THAT(answer.fields, ElementsAre("batch.payload"));

  answer = Send({Header(sync_id, "bad"), Lines(-1, kThree)});
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
  EXPECT_THAT(answer.fields, ElementsAre("batch.first_offset"));

  answer = Send({Header(sync_id, "bad", std::string(129, 'w'))});
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
  EXPECT_THAT(answer.fields, ElementsAre("header.writer_id"));

  answer = Send({Header(sync_id, "bad", absl::string_view("w\0x", 3))});
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
  EXPECT_THAT(answer.fields, ElementsAre("header.writer_id"));

  for (const std::string& id : {std::string(), std::string(129, 'c'), std::string("c\0d", 3)}) {
    answer = Send({Header(sync_id, "bad"), Checkpoint(id)});
    EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
    EXPECT_THAT(answer.fields, ElementsAre("checkpoint.checkpoint_id"));
  }

  v1::StreamRecordsRequest large_state = Checkpoint("c");
  large_state.mutable_checkpoint()->set_state(std::string((4 << 20) + 1, 's'));
  answer = Send({Header(sync_id, "bad"), large_state});
  EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
  EXPECT_THAT(answer.fields, ElementsAre("checkpoint.state"));

  v1::CompleteStreamRequest no_status;
  no_status.set_sync_id(sync_id);
  *no_status.mutable_descriptor() = Header(sync_id, "bad").header().descriptor();
  for (const int status : {0, 99}) {
    no_status.set_status(static_cast<v1::StreamStatus>(status));
    grpc::ClientContext context;
    v1::CompleteStreamResponse response;
    answer = MakeAnswer(stub()->CompleteStream(&context, no_status, &response));
    EXPECT_EQ(Summary(answer), "INVALID_ARGUMENT INVALID_REQUEST");
    EXPECT_THAT(answer.fields, ElementsAre("status"));
  }
}

TEST_F(BadStreamTest, Row09_UnknownFieldsAreIgnored) {
  v1::StartSyncRequest request = Request("bad");
  const int64_t before = UnknownFields();
  request.GetReflection()->MutableUnknownFields(&request)->AddVarint(4711, 1);
  v1::StreamConfig* const stream = request.mutable_streams(0);
  stream->GetReflection()->MutableUnknownFields(stream)->AddVarint(4711, 1);
  const std::string sync_id = Started(request);
  v1::StreamRecordsRequest lines = Lines(0, kThree);
  lines.GetReflection()->MutableUnknownFields(&lines)->AddLengthDelimited(4711, "future");
  v1::RecordBatch* const batch = lines.mutable_batch();
  batch->GetReflection()->MutableUnknownFields(batch)->AddFixed64(4711, 1);
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), lines})), "OK");
  EXPECT_EQ(Rows("bad"), 3);
  EXPECT_EQ(UnknownFields() - before, 4);
}

TEST_F(BadStreamTest, Row10_GapNamesTheExpectedOffset) {
  const std::string sync_id = Started(Request("bad"));
  Answer answer = Send({Header(sync_id, "bad"), Lines(0, kThree), Lines(5, kThree)});
  EXPECT_EQ(Summary(answer), "OUT_OF_RANGE OFFSET_GAP");
  EXPECT_EQ(answer.metadata.at("expected_offset"), "3");
  EXPECT_EQ(answer.metadata.at("durable_offset"), "3");
  answer = Send({Header(sync_id, "bad"), Lines(INT64_MAX - 1, kThree)});
  EXPECT_THAT(Summary(answer),
              AnyOf("OUT_OF_RANGE OFFSET_GAP", "INVALID_ARGUMENT INVALID_REQUEST"));
  EXPECT_EQ(Rows("bad"), 3);
}

TEST_F(BadStreamTest, Row11_And12_And13_ReplayIsSkipped) {
  const std::string sync_id = Started(Request("bad"));
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, kThree)})), "OK");
  v1::StreamRecordsResponse response;
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, kThree)}, &response)), "OK");
  EXPECT_EQ(response.records_skipped(), 3);
  EXPECT_EQ(response.records_written(), 0);
  // Other records under durable offsets, before the current offset and across it, twice in one
  // call.
  const std::string other = "{\"id\":91}\n{\"id\":92}\nnot json\n{\"id\":93}\n";
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, other), Lines(1, other)}, &response)),
            "OK");
  EXPECT_EQ(response.durable_offset(), 5);
  EXPECT_EQ(response.records_rejected(), 0);
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT string_agg(id::text, ',' ORDER BY id) FROM ", Table("bad"))),
      "0,1,2,93,93");
}

TEST_F(BadStreamTest, Row14_And18_SecondCallOfAWriterTakesOver) {
  const std::string sync_id = Started(Request("bad"));
  const std::unique_ptr<RawCall> older = Call();
  ASSERT_TRUE(older->Write(Header(sync_id, "bad")));
  ASSERT_TRUE(older->Write(Lines(0, kThree)));
  ASSERT_TRUE(older->Write(Checkpoint("c")));
  // A call can be taken over only while it is open.
  const auto epochs = [&] {
    return QueryInt(absl::StrCat("SELECT count(*) FROM ", LedgerTable("checkpoint"),
                                 " WHERE checkpoint_id = 'c'"));
  };
  const absl::Time deadline = absl::Now() + kTimeout;
  while (epochs() == 0 && absl::Now() < deadline) {
  }
  ASSERT_EQ(epochs(), 1);
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(3, kThree)})), "OK");
  older->Write(Lines(3, kThree));
  EXPECT_EQ(Summary(older->Finish()), "ABORTED FENCED");
  EXPECT_EQ(Rows("bad"), 6);
}

TEST_F(BadStreamTest, Row15_StaleGenerationNamesTheCurrentOne) {
  v1::StartSyncRequest request = Request("bad");
  request.mutable_streams(0)->set_generation_id(5);
  request.mutable_streams(0)->set_minimum_generation_id(5);
  Started(request);
  EXPECT_EQ(Summary(Send({Header(request.sync_id(), "bad"), Lines(0, kThree)})), "OK");
  EXPECT_EQ(Summary(Complete(request.sync_id(), "bad")), "OK");
  request.set_sync_id(UniqueId("stale"));
  request.mutable_streams(0)->set_generation_id(4);
  request.mutable_streams(0)->set_minimum_generation_id(4);
  const Answer answer = Start(request);
  EXPECT_EQ(Summary(answer), "FAILED_PRECONDITION STALE_GENERATION");
  bool names_current = false;
  for (const auto& [key, value] : answer.metadata) names_current |= value == "5";
  EXPECT_TRUE(names_current) << answer.message;
  EXPECT_EQ(Rows("bad"), 3);
}

TEST_F(BadStreamTest, Row39_TooWideRowIsRejected) {
  std::string properties;
  std::string wide;
  for (int i = 0; i < 1590; ++i) {
    absl::StrAppend(&properties, i == 0 ? "" : ",", "\"c", i, "\":{\"type\":\"integer\"}");
    absl::StrAppend(&wide, ",\"c", i, "\":", 1000000 + i);
  }
  const std::string sync_id = Started(Request("bad", properties));
  v1::StreamRecordsResponse response;
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"),
                          Lines(0, absl::StrCat("{\"id\":0}\n{\"id\":1", wide, "}\n{\"id\":2}\n"))},
                         &response)),
            "OK");
  EXPECT_EQ(response.records_rejected(), 1);
  EXPECT_THAT(Rejected(sync_id), ElementsAre("1 ROW_TOO_WIDE"));
  EXPECT_EQ(Rows("bad"), 2);
}

TEST_F(BadStreamTest, Row41_TooLargeRecordIsRejectedAndCut) {
  const std::string sync_id = Started(Request("bad", R"("v":{"type":"string"})"));
  const std::string huge = absl::StrCat("{\"id\":1,\"v\":\"", RandomText(3 << 19, 41), "\"}");
  v1::StreamRecordsResponse response;
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"),
                          Lines(0, absl::StrCat("{\"id\":0}\n", huge, "\n{\"id\":2}\n"))},
                         &response)),
            "OK");
  EXPECT_EQ(response.records_rejected(), 1);
  EXPECT_EQ(response.records_written(), 2);
  EXPECT_EQ(response.durable_offset(), 3);
  EXPECT_THAT(Rejected(sync_id), ElementsAre("1 RECORD_TOO_LARGE"));
  const auto rows =
      QueryText(absl::StrCat("SELECT stream, writer_id, convert_from(raw, 'UTF8') FROM ",
                             LedgerTable("rejected_record"), " WHERE sync_id = '", sync_id, "'"));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_THAT(rows[0], ElementsAre("bad", "", huge.substr(0, 64 << 10)));
  EXPECT_TRUE(absl::StrContains(server().Metrics(), "reason=\"RECORD_TOO_LARGE\""));
}

TEST_F(BadStreamTest, Row42_TooLargeMessage) {
  const std::string sync_id = Started(Request("bad"));
  const Answer answer = Send(
      {Header(sync_id, "bad"), Lines(0, absl::StrCat(std::string(size_t{16} << 20, ' '), "\n"))});
  EXPECT_EQ(answer.code, grpc::StatusCode::RESOURCE_EXHAUSTED) << answer.message;
  EXPECT_EQ(Rows("bad"), 0);
}

TEST_F(BadStreamTest, Row42_CompressedBomb) {
  const std::string sync_id = Started(Request("bad"));
  for (int i = 0; i < 4; ++i) {
    const std::unique_ptr<RawCall> call = Call(kTimeout, GRPC_COMPRESS_GZIP);
    call->Write(Header(sync_id, "bad"));
    call->Write(Lines(0, std::string(size_t{256} << 20, ' ')));
    const Answer answer = call->Finish();
    EXPECT_EQ(answer.code, grpc::StatusCode::UNIMPLEMENTED) << answer.message;
  }
  EXPECT_EQ(Rows("bad"), 0);
}

// The smallest records produce the most rows. The server's memory must not grow with the size of
// the rows that one message expands to.
TEST_F(BadStreamTest, Row42_EmptyRecordsOfAWideTable) {
  std::string properties;
  for (int i = 0; i < 1500; ++i) {
    absl::StrAppend(&properties, i == 0 ? "" : ",", "\"c", i, "\":{\"type\":\"integer\"}");
  }
  const std::string sync_id = Started(Request("bad", properties));
  std::string lines;
  for (int i = 0; i < 100000; ++i) lines += "{}\n";
  v1::StreamRecordsResponse response;
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, lines)}, &response)), "OK");
  EXPECT_EQ(response.records_written(), 100000);
  EXPECT_EQ(Rows("bad"), 100000);
}

TEST_F(BadStreamTest, Row42_EmptyLinesOnly) {
  const std::string sync_id = Started(Request("bad"));
  v1::StreamRecordsResponse response;
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, std::string(size_t{1} << 20, '\n'))},
                         &response)),
            "OK");
  EXPECT_EQ(response.records_rejected(), 1 << 20);
  // Beyond the limit one row stands for all rejected records of a commit.
  const std::string kept =
      absl::StrCat(" FROM ", LedgerTable("rejected_record"), " WHERE sync_id = '", sync_id, "'");
  const int64_t listed = QueryInt(absl::StrCat("SELECT count(*) FILTER (WHERE detail = '')", kept));
  EXPECT_EQ(listed, kMaxListedRejections);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT sum(substring(detail FROM 'stands for (\\d+) ')::bigint)",
                                  kept)),
            (1 << 20) - listed);
}

TEST_F(BadStreamTest, Row50_Deadlines) {
  const std::string sync_id = Started(Request("bad"));
  for (const absl::Duration timeout : {absl::Milliseconds(1), absl::Seconds(-1)}) {
    const std::unique_ptr<RawCall> call = Call(timeout);
    // The call is not half-closed, so only the deadline can end it.
    call->Write(Header(sync_id, "bad"));
    EXPECT_EQ(call->Wait().code, grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() - absl::Seconds(1)));
  v1::StartSyncResponse response;
  EXPECT_EQ(stub()->StartSync(&context, Request("late"), &response).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  // Whether or not the server finished the call, the same calls work again.
  Started(Request("late"));
  EXPECT_EQ(Summary(Send({Header(sync_id, "bad"), Lines(0, kThree)})), "OK");
  EXPECT_EQ(Rows("bad"), 3);
}

TEST_F(BadStreamTest, Row51_InconsistentTypedRows) {
  const std::string sync_id = Started(Request("bad", R"("v":{"type":"string"})"));
  const auto send = [&](const std::function<void(v1::RowBatch*)>& spoil) {
    v1::StreamRecordsRequest message;
    v1::RowBatch* const rows = message.mutable_batch()->mutable_rows();
    rows->set_row_count(2);
    rows->add_columns("id");
    rows->add_columns("v");
    v1::ColumnValues* const ids = rows->add_values();
    ids->mutable_int64s()->add_values(1);
    ids->mutable_int64s()->add_values(2);
    v1::TextValues* const texts = rows->add_values()->mutable_texts();
    texts->set_data("ab");
    texts->add_lengths(1);
    texts->add_lengths(1);
    spoil(rows);
    return Summary(Send({Header(sync_id, "bad"), message}));
  };
  const std::string invalid = "INVALID_ARGUMENT INVALID_ROWS";
  EXPECT_EQ(send([](v1::RowBatch* rows) { rows->set_row_count(3); }), invalid);
  EXPECT_EQ(send([](v1::RowBatch* rows) { rows->set_row_count(-1); }), invalid);
  EXPECT_EQ(send([](v1::RowBatch* rows) { rows->add_columns("more"); }), invalid);
  EXPECT_EQ(send([](v1::RowBatch* rows) { rows->set_columns(1, "id"); }), invalid);
  EXPECT_EQ(send([](v1::RowBatch* rows) { rows->mutable_values(0)->set_nulls("abc"); }), invalid);
  EXPECT_EQ(
      send([](v1::RowBatch* rows) { rows->mutable_values(1)->mutable_texts()->set_data("a"); }),
      invalid);
  EXPECT_EQ(send([](v1::RowBatch* rows) {
              rows->mutable_values(1)->mutable_texts()->set_lengths(0, UINT32_MAX);
            }),
            invalid);
  EXPECT_EQ(send([](v1::RowBatch* rows) {
              rows->Clear();
              rows->set_row_count(int64_t{1} << 60);
            }),
            invalid);
  EXPECT_EQ(Rows("bad"), 0);
  EXPECT_EQ(send([](v1::RowBatch*) {}), "OK");
  EXPECT_EQ(Rows("bad"), 2);
}

}  // namespace
}  // namespace syncline::testing

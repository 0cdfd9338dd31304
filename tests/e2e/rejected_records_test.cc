// Rejected records: where they are stored, where they are counted, the effect of too many of them,
// and the exit code and report of the command line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAre;

constexpr char kTwoOfFour[] = "{\"id\":1}\nbad\n{\"id\":2}\n[]\n";

class RejectedRecordsTest : public EndToEndTest {
 protected:
  absl::StatusOr<v1::StreamRecordsResponse> SendLines(client::SyncClient& client,
                                                      absl::string_view sync_id,
                                                      int64_t first_offset, const char* lines) {
    v1::StreamRecordsRequest batch;
    batch.mutable_batch()->set_first_offset(first_offset);
    batch.mutable_batch()->set_jsonl(lines);
    const std::unique_ptr<client::RecordsCall> call = client.StreamRecords();
    call->Write(Header(sync_id, "people"));
    call->Write(batch);
    return call->Finish();
  }
  int64_t Ledgered(absl::string_view what) {
    return QueryInt(absl::StrCat("SELECT ", what, " FROM ", LedgerTable("rejected_record")));
  }
};

TEST_F(RejectedRecordsTest, AreStoredAndCounted) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "people")));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse response,
                       SendLines(*client, "s", 0, kTwoOfFour));
  EXPECT_EQ(response.durable_offset(), 4);
  EXPECT_EQ(response.records_written(), 2);
  EXPECT_EQ(response.records_rejected(), 2);
  const auto rows = QueryText(absl::StrCat("SELECT sync_id, namespace = '", schema(),
                                           "', stream, writer_id, \"offset\", reason, "
                                           "convert_from(raw, 'UTF8') FROM ",
                                           LedgerTable("rejected_record"), " ORDER BY \"offset\""));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_THAT(rows[0], ElementsAre("s", "t", "people", "", "1", "INVALID_JSON", "bad"));
  EXPECT_THAT(rows[1], ElementsAre("s", "t", "people", "", "3", "NOT_AN_OBJECT", "[]"));
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary summary, client->GetSync("s"));
  EXPECT_EQ(summary.streams(0).records_rejected(), 2);
  EXPECT_EQ(summary.streams(0).records_written(), 2);
  // If they are sent again, they are neither loaded nor rejected again.
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse again,
                       SendLines(*client, "s", 0, kTwoOfFour));
  EXPECT_EQ(again.records_skipped(), 4);
  EXPECT_EQ(again.records_rejected(), 0);
  EXPECT_EQ(Ledgered("count(*)"), 2);
  // They count as records that the caller sent.
  v1::CompleteStreamRequest completion = Completion("s", "people");
  completion.set_expected_records(4);
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed,
                       client->CompleteStream(completion));
  EXPECT_EQ(completed.rows(), 2);
  const std::string metrics = server->Metrics();
  for (const char* reason : {"INVALID_JSON", "NOT_AN_OBJECT"}) {
    const size_t at = metrics.find(absl::StrCat("reason=\"", reason, "\""));
    ASSERT_NE(at, std::string::npos) << metrics;
    EXPECT_EQ(metrics.substr(metrics.find("} ", at), 3), "} 1");
  }
}

// Both calls contain the same bad record. Only that of the newer call may be stored.
TEST_F(RejectedRecordsTest, OfAFencedCallDoNotHideTheFence) {
  const auto first = StartServer({"--flush_interval=2s"});
  const auto second = StartServer({"--flush_interval=2s"});
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  const auto one = first->Client();
  ASSERT_OK(one->StartSync(OneStream("s", "people")));
  v1::StreamRecordsRequest batch;
  batch.mutable_batch()->set_jsonl("{\"id\":1}\nnot json\n{\"id\":2}\n");
  const std::unique_ptr<client::RecordsCall> older = one->StreamRecords();
  ASSERT_TRUE(older->Write(Header("s", "people")));
  ASSERT_TRUE(older->Write(batch));
  const std::string received = "syncline_records_received_total";
  ASSERT_TRUE(Eventually([&] {
    const std::string metrics = first->Metrics();
    const size_t at = metrics.find("} ", metrics.find(received + "{"));
    return at != std::string::npos && metrics.substr(at, 4) == "} 3\n";
  }));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse newer,
                       SendLines(*second->Client(), "s", 0, "{\"id\":1}\nnot json\n{\"id\":2}\n"));
  EXPECT_EQ(newer.durable_offset(), 3);
  EXPECT_THAT(older->Finish(), StatusIs(absl::StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(Ledgered("count(*)"), 1);
  EXPECT_THAT(first->Metrics(), ::testing::HasSubstr("syncline_fenced_writers_total 1"));
}

TEST_F(RejectedRecordsTest, MaxRejectedFailsTheStream) {
  const auto server = StartServer({"--max_rejected=2"});
  ASSERT_NE(server, nullptr);
  const auto client = server->Client();
  ASSERT_OK(client->StartSync(OneStream("s", "people")));
  EXPECT_OK(SendLines(*client, "s", 0, kTwoOfFour));
  EXPECT_OK(SendLines(*client, "s", 4, "{\"id\":3}\n"));
  // The third rejected record of the stream, although the first of its call.
  const absl::Status third = SendLines(*client, "s", 5, "bad\n{\"id\":4}\n").status();
  EXPECT_THAT(third, StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_REJECTED"));
  EXPECT_FALSE(GetDetail(third).retry_after.has_value());
  EXPECT_EQ(Ledgered("count(*)"), 3);
  // Repeated, because the half-close may arrive at any moment of the batch before it.
  for (int64_t offset = 7; offset < 27; ++offset) {
    const absl::Status after = SendLines(*client, "s", offset, "{\"id\":5}\n").status();
    EXPECT_THAT(after, StatusIs(absl::StatusCode::kResourceExhausted, "TOO_MANY_REJECTED"));
  }
  // Other streams are not affected.
  ASSERT_OK(client->StartSync(OneStream("t", "others")));
  EXPECT_OK(Send(*client, "t", "others", 0, 3));
}

TEST_F(RejectedRecordsTest, CommandLineExitsWithThree) {
  const auto server = StartServer();
  ASSERT_NE(server, nullptr);
  const std::string file = WriteFile("people.jsonl", kTwoOfFour);
  const std::string table = absl::StrCat("--table=", schema(), ".people");
  EXPECT_EQ(RunClient(*server, {"load", file, table, "--sync_id=load"}), 3);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("people"))), 2);
  EXPECT_EQ(Ledgered("count(*)"), 2);
  EXPECT_EQ(RunClient(*server, {"load", file, table, "--sync_id=allowed", "--allow_rejected"}), 0);
  const std::string good = WriteFile("good.jsonl", "{\"id\":1}\n");
  EXPECT_EQ(RunClient(*server, {"load", good, table, "--sync_id=good"}), 0);
}

TEST_F(RejectedRecordsTest, CommandLineFailsIfThereAreTooMany) {
  const auto server = StartServer({"--max_rejected=1"});
  ASSERT_NE(server, nullptr);
  EXPECT_EQ(RunClient(*server, {"load", WriteFile("people.jsonl", kTwoOfFour),
                                absl::StrCat("--table=", schema(), ".people")}),
            1);
}

}  // namespace
}  // namespace syncline::testing

// Databases that are not in UTF8: a character that the encoding lacks costs that character, not the
// stream, and names and ids keep theirs. SQL_ASCII is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "tests/support/e2e_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

// No encoding but UTF8 has it.
constexpr char kFace[] = "\U0001F600";
constexpr char kOtherFace[] = "\U0001F601";
constexpr char kSchema[] =
    R"({"type":"object","properties":{"id":{"type":"integer"},"name":{"type":"string"},)"
    R"("doc":{"type":"object"}}})";

class EncodingFixture : public EndToEndTest {
 protected:
  void SetUp() override {
    EndToEndTest::SetUp();
    if (schema().empty()) return;
    ServerProcessOptions options = ServerOptions();
    options.wait_until_serving = serves();
    ASSERT_OK_AND_ASSIGN(server_, ServerProcess::Start(options));
    client_ = server_->Client();
  }

  void TearDown() override {
    client_.reset();
    server_.reset();
    if (!database_name_.empty()) {
      EXPECT_OK(InCluster(absl::StrCat("DROP DATABASE ", database_name_, " WITH (FORCE)")));
    }
  }

  virtual std::string encoding() const = 0;
  virtual bool serves() const { return true; }

  absl::StatusOr<std::string> ChooseDatabase() override {
    SYNCLINE_ASSIGN_OR_RETURN(cluster_dsn_, EndToEndTest::ChooseDatabase());
    if (cluster_dsn_.empty()) return cluster_dsn_;
    const std::string name = absl::StrCat("syncline_test_", getpid(), "_", encoding());
    SYNCLINE_RETURN_IF_ERROR(InCluster(absl::StrCat(
        "CREATE DATABASE ", name, " ENCODING '", encoding(), "' LOCALE 'C' TEMPLATE template0")));
    database_name_ = name;
    return absl::StrCat(cluster_dsn_, " dbname=", absl::AsciiStrToLower(name));
  }

  absl::Status InCluster(const std::string& sql) {
    postgres::ConnectionOptions options;
    options.conninfo = cluster_dsn_;
    SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<postgres::Connection> connection,
                              postgres::Connection::Open(options));
    return connection->Execute(sql);
  }

  v1::StartSyncRequest Request(absl::string_view sync_id, absl::string_view table) const {
    v1::StartSyncRequest request = OneStream(sync_id, table);
    request.mutable_streams(0)->set_json_schema(kSchema);
    return request;
  }

  absl::StatusOr<v1::StreamRecordsResponse> SendLines(absl::string_view sync_id,
                                                      absl::string_view table,
                                                      const std::string& lines,
                                                      absl::string_view writer_id = "") {
    const std::unique_ptr<client::RecordsCall> call = client_->StreamRecords();
    v1::StreamRecordsRequest batch;
    batch.mutable_batch()->set_jsonl(lines);
    if (call->Write(Header(sync_id, table, writer_id)) && call->Write(batch)) {
      call->Write(CheckpointOf(absl::StrCat("checkpoint ", kFace), kFace));
    }
    return call->Finish();
  }

  std::string cluster_dsn_;
  std::string database_name_;
  std::unique_ptr<ServerProcess> server_;
  std::unique_ptr<client::SyncClient> client_;
};

struct EncodingCase {
  const char* encoding;
  const char* kept;  // a character that it has
};

class EncodingTest : public EncodingFixture, public ::testing::WithParamInterface<EncodingCase> {
 protected:
  std::string encoding() const override { return GetParam().encoding; }
};

TEST_P(EncodingTest, CharacterIsReplacedAndNoted) {
  ASSERT_OK(client_->StartSync(Request("text", "rows")));
  const std::string both = absl::StrCat(GetParam().kept, kFace);
  ASSERT_OK_AND_ASSIGN(
      const v1::StreamRecordsResponse loaded,
      SendLines(
          "text", "rows",
          absl::StrCat("{\"id\":1,\"name\":\"plain\",\"doc\":{\"a\":1}}\n", "{\"id\":2,\"name\":\"",
                       both, "\",\"doc\":{\"a\":\"", both, "\",\"b\":\"\\\\u \\ud83d\\ude00\",\"",
                       kFace, "\":2}}\n", "{\"id\":3,\"name\":\"", GetParam().kept, "\"}\n")));
  EXPECT_EQ(loaded.records_written(), 3);
  EXPECT_EQ(loaded.values_truncated(), 2);
  ASSERT_OK(client_->CompleteStream(Completion("text", "rows")));
  const std::string from = absl::StrCat(" FROM ", Table("rows"));
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(name, ' ' ORDER BY id)", from)),
            absl::StrCat("plain ", GetParam().kept, "? ", GetParam().kept));
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT doc::text", from, " WHERE id = 2")),
            absl::StrCat("{\"?\": 2, \"a\": \"", GetParam().kept, "?\", \"b\": \"\\\\u ?\"}"));
  EXPECT_EQ(QueryValue(absl::StrCat(
                "SELECT string_agg(concat_ws(' ', id, c->>'field', c->>'change', c->>'reason'), ','"
                " ORDER BY id, c->>'field')",
                from, ", jsonb_array_elements(_airbyte_meta->'changes') c")),
            "2 doc TRUNCATED DESTINATION_SERIALIZATION_ERROR,"
            "2 name TRUNCATED DESTINATION_SERIALIZATION_ERROR");
}

TEST_P(EncodingTest, KeyThatWouldChangeIsRejected) {
  v1::StartSyncRequest request = Request("keys", "rows");
  request.mutable_streams(0)->set_write_mode(v1::WRITE_MODE_DEDUP);
  request.mutable_streams(0)->add_primary_key()->add_path("name");
  ASSERT_OK(client_->StartSync(request));
  ASSERT_OK_AND_ASSIGN(
      const v1::StreamRecordsResponse loaded,
      SendLines(
          "keys", "rows",
          absl::StrCat("{\"id\":1,\"name\":\"", kFace, "\"}\n", "{\"id\":2,\"name\":\"", kOtherFace,
                       "\"}\n", "{\"id\":3,\"name\":\"c\",\"doc\":{\"a\":\"", kFace, "\"}}\n")));
  EXPECT_EQ(loaded.records_rejected(), 2);
  ASSERT_OK(client_->CompleteStream(Completion("keys", "rows")));
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT string_agg(name || doc::text, ',') FROM ", Table("rows"))),
      "c{\"a\": \"?\"}");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(reason, ',') FROM ",
                                    LedgerTable("rejected_record"))),
            "KEY_CHANGED,KEY_CHANGED");
}

// Two syncs, streams, writers and properties that differ only in a character that the encoding
// lacks stay two.
TEST_P(EncodingTest, NamesAndIdsStayDistinct) {
  for (const char* const face : {kFace, kOtherFace}) {
    const std::string id = absl::StrCat("run ", face);
    const std::string stream = absl::StrCat("stream", face);
    v1::StartSyncRequest request = Request(id, stream);
    request.mutable_streams(0)->set_json_schema(absl::StrCat(
        "{\"type\":\"object\",\"properties\":{\"p", face, "\":{\"type\":\"string\"}}}"));
    ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, client_->StartSync(request));
    EXPECT_EQ(started.streams(0).descriptor().name(), stream);
    ASSERT_OK_AND_ASSIGN(
        const v1::StreamRecordsResponse loaded,
        SendLines(id, stream, absl::StrCat("{\"p", face, "\":\"", face, "\",\"u", face, "\":1}\n"),
                  absl::StrCat("writer ", face)));
    EXPECT_EQ(loaded.durable_offset(), 1);
    EXPECT_EQ(loaded.values_truncated(), 1);
    ASSERT_OK(client_->CompleteStream(Completion(id, stream)));
    ASSERT_OK_AND_ASSIGN(const v1::SyncSummary summary, client_->GetSync(id));
    EXPECT_EQ(summary.sync_id(), id);
    EXPECT_EQ(summary.streams(0).descriptor().name(), stream);
  }
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT table_name) FROM ",
                                  LedgerTable("stream_table"))),
            2);
}

INSTANTIATE_TEST_SUITE_P(Encodings, EncodingTest,
                         ::testing::Values(EncodingCase{"LATIN1", "\u00E9"},
                                           EncodingCase{"EUC_JP", "\u65E5"},
                                           EncodingCase{"WIN1251", "\u0416"}),
                         [](const auto& each) { return std::string(each.param.encoding); });

class SqlAsciiTest : public EncodingFixture {
 protected:
  std::string encoding() const override { return "SQL_ASCII"; }
  bool serves() const override { return false; }
};

TEST_F(SqlAsciiTest, IsRefusedWithItsReason) {
  absl::Status refused;
  ASSERT_TRUE(Eventually([&] {
    refused = client_->StartSync(OneStream("refused", "rows")).status();
    return GetReason(refused) != "LEDGER_NOT_READY";
  }));
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetReason(refused), "DB_ENCODING") << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("SQL_ASCII"));
}

}  // namespace
}  // namespace syncline::testing

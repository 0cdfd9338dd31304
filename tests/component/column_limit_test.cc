// Values that a user's column can hold only in part or not at all, through the real RPCs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::ElementsAre;

constexpr char kColumns[] =
    R"({"properties":{"id":{"type":"integer"},"price":{"type":"number"},"size":{"type":"number"},)"
    R"("seen":{"type":"string","format":"date-time"},"opens":{"type":"string","format":"time",)"
    R"("airbyte_type":"time_without_timezone"},"code":{"type":"string"},"tag":{"type":"string"}}})";

class ColumnLimitRpcTest : public AppTest {
 protected:
  static Ask With(Ask ask) {
    ask.json_schema = kColumns;
    return ask;
  }

  // Creates the stream's table and makes its columns stricter, as a user would.
  void MakeTable(const std::string& more = "") {
    Load("first", With(Append(0)), "");
    Execute(absl::StrCat("ALTER TABLE ", Table(kTable),
                         " ALTER price TYPE numeric(6,2), ALTER size TYPE numeric(3,-2),"
                         " ALTER seen TYPE timestamptz(0), ALTER opens TYPE time(3),"
                         " ALTER code TYPE varchar(3), ALTER tag TYPE char(3)",
                         more));
  }

  std::vector<std::string> Reasons(absl::string_view sync_id) {
    v1::ListRejectedRecordsRequest request;
    request.set_sync_id(std::string(sync_id));
    const absl::StatusOr<v1::ListRejectedRecordsResponse> response =
        client().ListRejectedRecords(request);
    EXPECT_OK(response);
    std::vector<std::string> reasons;
    if (!response.ok()) return reasons;
    for (const v1::RejectedRecord& record : response->records()) {
      reasons.push_back(absl::StrCat(record.offset(), " ", record.reason()));
    }
    return reasons;
  }

  std::string Stored() {
    return QueryValue(
        absl::StrCat("SELECT string_agg(concat_ws(' ', price, size, "
                     "seen AT TIME ZONE 'UTC', opens, code, tag), '; ' ORDER BY id) "
                     "FROM ",
                     Table(kTable)));
  }
};

constexpr char kTooFine[] =
    R"({"id":1,"price":1.999,"size":1299,"seen":"2024-02-29T23:59:59.9Z","opens":"23:59:59.9999",)"
    "\"code\":\"abc  \",\"tag\":\"ab   \"}\n";

TEST_F(ColumnLimitRpcTest, ExcessPrecisionIsTruncatedAndNoted) {
  MakeTable();
  int64_t run = 0;
  for (const Ask& ask : {Append(0), Dedup(0), Replace(1)}) {
    const std::string id = absl::StrCat("s", ++run);
    ASSERT_OK(Start(id, With(ask)));
    ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent, Send(id, kTooFine));
    EXPECT_EQ(sent.values_truncated(), 6);
    EXPECT_EQ(sent.records_rejected(), 0);
    ASSERT_OK(Complete(id));
    EXPECT_EQ(Stored(), "1.99 1200 2024-02-29 23:59:59 23:59:59.999 abc ab ");
    EXPECT_EQ(QueryValue(absl::StrCat(
                  "SELECT string_agg(c ->> 'field' || ' ' || (c ->> 'change'), ', ') FROM ",
                  Table(kTable), ", jsonb_array_elements(_airbyte_meta -> 'changes') c")),
              "price TRUNCATED, size TRUNCATED, seen TRUNCATED, opens TRUNCATED, code TRUNCATED, "
              "tag TRUNCATED");
    Execute(absl::StrCat("DELETE FROM ", Table(kTable)));
  }
}

TEST_F(ColumnLimitRpcTest, TooLargeValuesAreRejected) {
  MakeTable();
  ASSERT_OK(Start("s", With(Append(0))));
  ASSERT_OK_AND_ASSIGN(
      const v1::StreamRecordsResponse sent,
      Send("s",
           "{\"id\":1,\"price\":12345}\n{\"id\":2,\"size\":100000}\n{\"id\":3,\"code\":\"abcd\"}\n"
           "{\"id\":4,\"tag\":\"abc d\"}\n{\"id\":5,\"price\":9999.999}\n"
           "{\"id\":6,\"price\":\"Infinity\",\"size\":NaN}\n"));
  EXPECT_EQ(sent.records_rejected(), 4);
  EXPECT_THAT(Reasons("s"), ElementsAre("0 VALUE_REFUSED", "1 VALUE_REFUSED", "2 VALUE_REFUSED",
                                        "3 VALUE_REFUSED"));
  EXPECT_EQ(Stored(), "9999.99; ");
  EXPECT_EQ(sent.values_nulled(), 2);
}

// A domain has the limits of its base type, and the binary form. An enum is sent as its text.
TEST_F(ColumnLimitRpcTest, DomainsAndEnumsAreLoadedInBinaryForm) {
  Load("first", With(Append(0)), "");
  Execute(absl::StrCat("CREATE DOMAIN ", Table("price"), " AS numeric(6,2) CHECK (VALUE >= 0);",
                       "CREATE DOMAIN ", Table("price_of_ours"), " AS ", Table("price"), ";",
                       "CREATE DOMAIN ", Table("moment"), " AS timestamptz(0);", "CREATE DOMAIN ",
                       Table("tag"), " AS varchar(3);", "CREATE TYPE ", Table("code"),
                       " AS ENUM ('abc', 'low')"));
  Execute(absl::StrCat("ALTER TABLE ", Table(kTable), " ALTER price TYPE ", Table("price_of_ours"),
                       ", ALTER seen TYPE ", Table("moment"), ", ALTER tag TYPE ", Table("tag"),
                       ", ALTER code TYPE ", Table("code"), " USING NULL"));
  int64_t run = 0;
  for (const Ask& ask : {Append(0), Dedup(0), Replace(1)}) {
    const std::string id = absl::StrCat("s", ++run);
    ASSERT_OK(Start(id, With(ask)));
    ASSERT_OK_AND_ASSIGN(
        const v1::StreamRecordsResponse sent,
        Send(id, R"({"id":1,"price":1.999,"seen":"2024-02-29T23:59:59.9Z","code":"abc",)"
                 "\"tag\":\"ab   \"}\n"
                 "{\"id\":2,\"price\":-1}\n{\"id\":3,\"code\":\"huge\"}\n"
                 "{\"id\":4,\"price\":12345}\n{\"id\":5,\"tag\":\"abcd\"}\n"));
    EXPECT_EQ(sent.values_truncated(), 3);
    EXPECT_THAT(Reasons(id), ElementsAre("1 CONSTRAINT_VIOLATED", "2 VALUE_REFUSED",
                                         "3 VALUE_REFUSED", "4 VALUE_REFUSED"));
    ASSERT_OK(Complete(id));
    EXPECT_EQ(Stored(), "1.99 2024-02-29 23:59:59 abc ab ");
    EXPECT_EQ(QueryValue(absl::StrCat("SELECT array_to_string(column_stored_types, ';') FROM ",
                                      ledger(), ".stream ORDER BY stream_no DESC LIMIT 1")),
              ";numeric(6,2);;timestamp(0) with time zone;;text;character varying(3)");
    Execute(absl::StrCat("DELETE FROM ", Table(kTable)));
  }
}

// The same limits apply to a text COPY.
TEST_F(ColumnLimitRpcTest, TextCopyAppliesTheSameLimits) {
  MakeTable(", ADD tags text[], ADD title name");
  Ask ask = With(Append(0));
  ask.json_schema.insert(ask.json_schema.size() - 2,
                         R"(,"tags":{"type":"string"},"title":{"type":"string"})");
  ASSERT_OK(Start("s", ask));
  // The limit of name is in bytes; its 63rd is in the middle of a character.
  std::string line = kTooFine;
  std::string title;
  for (int i = 0; i < 40; ++i) title += "\u00e9";
  line.insert(line.size() - 2, absl::StrCat(",\"title\":\"", title, "\""));
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent, Send("s", line));
  EXPECT_EQ(sent.values_truncated(), 7);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT octet_length(title::text) FROM ", Table(kTable))), 62);
  EXPECT_EQ(Stored(), "1.99 1200 2024-02-29 23:59:59 23:59:59.999 abc ab ");
}

TEST_F(ColumnLimitRpcTest, TruncatedKeyIsRejected) {
  MakeTable();
  Ask ask = With(Dedup(0));
  ask.primary_key = {"price"};
  ASSERT_OK(Start("s", ask));
  ASSERT_OK(Send("s", "{\"id\":1,\"price\":1.005}\n{\"id\":2,\"price\":1.01}\n"));
  EXPECT_THAT(Reasons("s"), ElementsAre("0 KEY_CHANGED"));
}

}  // namespace
}  // namespace syncline::testing

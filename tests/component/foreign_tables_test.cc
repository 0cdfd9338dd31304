// Tables that Airbyte's destination-postgres 3 wrote are taken over: their rows, types and indexes
// stay, and nothing about them changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

// One property of each type of the Airbyte protocol.
constexpr char kSchema[] = R"({"type":"object","properties":{
  "id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},
  "price":{"type":"number"},"ok":{"type":"boolean"},"day":{"type":"string","format":"date"},
  "seen":{"type":"string","format":"date-time","airbyte_type":"timestamp_with_timezone"},
  "local":{"type":"string","format":"date-time","airbyte_type":"timestamp_without_timezone"},
  "open":{"type":"string","format":"time","airbyte_type":"time_without_timezone"},
  "close":{"type":"string","format":"time","airbyte_type":"time_with_timezone"},
  "extra":{"type":"object"},"list":{"type":"array"}}})";

class ForeignTablesTest : public AppTest {
 protected:
  // Creates the table as that destination does, with two rows of generation 3.
  void MakeTable() {
    const std::string table = Table(kTable);
    Execute(absl::StrCat("CREATE TABLE ", table, R"sql( (
      "_airbyte_raw_id" varchar NOT NULL,
      "_airbyte_extracted_at" timestamp with time zone NOT NULL,
      "_airbyte_meta" jsonb NOT NULL,
      "_airbyte_generation_id" bigint NOT NULL,
      "id" bigint, "name" varchar, "at" bigint, "price" decimal, "ok" boolean, "day" date,
      "seen" timestamp with time zone, "local" timestamp without time zone,
      "open" time without time zone, "close" time with time zone, "extra" jsonb, "list" jsonb))sql"));
    Execute(absl::StrCat("CREATE INDEX idx_extracted_at_1a2b3c ON ", table,
                         " (_airbyte_extracted_at)"));
    Execute(absl::StrCat("CREATE INDEX idx_pk_1a2b3c ON ", table, " (id)"));
    Execute(absl::StrCat(
        "INSERT INTO ", table,
        " (_airbyte_raw_id, _airbyte_extracted_at, _airbyte_meta, _airbyte_generation_id, id, "
        "name, at, price) VALUES ('7f0c9c1e', now() - interval '1 day', "
        "'{\"sync_id\": 4, \"changes\": []}', 3, 1, 'ann', 1, 1.5), ('8a1d0d2f', now() - interval "
        "'1 day', '{\"sync_id\": 4, \"changes\": []}', 3, 2, 'bob', 1, 2.5)"));
  }

  static Ask WithSchema(Ask ask) {
    ask.json_schema = kSchema;
    return ask;
  }

  std::string Types() {
    return QueryValue(absl::StrCat(
        "SELECT string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' ORDER BY "
        "attname) FROM pg_attribute WHERE attrelid = '",
        Table(kTable), "'::regclass AND attnum > 4 AND NOT attisdropped"));
  }

  int64_t TheirIndexes() {
    return QueryInt(
        absl::StrCat("SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = "
                     "i.indexrelid WHERE i.indrelid = '",
                     Table(kTable), "'::regclass AND c.relname LIKE 'idx\\_%'"));
  }
};

TEST_F(ForeignTablesTest, AppendAddsRows) {
  MakeTable();
  const std::string types = Types();
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start("s", WithSchema(Append(3))));
  EXPECT_EQ(started.streams(0).changes_size(), 0);
  EXPECT_EQ(started.streams(0).warnings_size(), 0);
  ASSERT_OK(Send("s", Record(3, "cyd", 2)));
  ASSERT_OK(Complete("s"));
  EXPECT_EQ(Rows(), "1:ann@3 2:bob@3 3:cyd@3");
  EXPECT_EQ(Types(), types);
  EXPECT_EQ(TheirIndexes(), 2);
}

TEST_F(ForeignTablesTest, DedupMergesWithTheirRows) {
  MakeTable();
  const std::string types = Types();
  Load("s", WithSchema(Dedup(3)), absl::StrCat(Record(1, "anna", 5), Record(3, "cyd", 2)));
  EXPECT_EQ(Rows(), "1:anna@3 2:bob@3 3:cyd@3");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table(kTable), " WHERE price = 2.5")),
            1);
  EXPECT_EQ(Types(), types);
  EXPECT_EQ(TheirIndexes(), 2);
}

TEST_F(ForeignTablesTest, ReplaceKeepsTheIndexes) {
  MakeTable();
  const std::string types = Types();
  Load("s", WithSchema(Replace(4)), Record(9, "zoe"));
  EXPECT_EQ(Rows(), "9:zoe@4");
  EXPECT_EQ(Types(), types);
  EXPECT_EQ(TheirIndexes(), 2);
}

TEST_F(ForeignTablesTest, AnOlderGenerationIsRefused) {
  MakeTable();
  EXPECT_THAT(Start("s", WithSchema(Append(2))).status(),
              StatusIs(absl::StatusCode::kFailedPrecondition, "STALE_GENERATION"));
  EXPECT_EQ(Rows(), "1:ann@3 2:bob@3");
}

}  // namespace
}  // namespace syncline::testing

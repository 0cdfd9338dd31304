// Target tables that do not belong to Syncline, and tables that change during a sync: rows 52-54 of
// the list of bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/e2e/bad_input_fixture.h"

namespace syncline::testing {
namespace {

constexpr char kMetaColumns[] =
    "_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz NOT NULL, "
    "_airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT NULL, id bigint";
constexpr char kRecord[] = "{\"id\":1}\n";

class BadTableTest : public BadInputTest {
 protected:
  // Runs `sql` with $T for the table "bad", $S for the schema, and $M for the meta columns and id.
  void Run(absl::string_view sql) {
    Execute(
        absl::StrReplaceAll(sql, {{"$T", Table("bad")}, {"$S", schema()}, {"$M", kMetaColumns}}));
  }
  // Loads one record into "bad", and replaces the table if `overwrite`.
  Answer Load(bool overwrite) {
    v1::StartSyncRequest request = Request("bad");
    request.set_sync_id(UniqueId("load"));
    request.mutable_streams(0)->set_overwrite(overwrite);
    Answer answer = Start(request);
    if (answer.code != grpc::StatusCode::OK) return answer;
    answer = Send({Header(request.sync_id(), "bad"), Lines(0, kRecord)});
    if (answer.code != grpc::StatusCode::OK) return answer;
    return Complete(request.sync_id(), "bad");
  }
  std::string Definition() {
    return QueryValue(absl::StrCat(
        "SELECT string_agg(c.oid || ' ' || relkind::text || ' ' || attname::text, ',' ORDER BY "
        "attnum) FROM "
        "pg_class c JOIN pg_attribute a ON attrelid = c.oid AND attnum > 0 WHERE c.oid = '",
        Table("bad"), "'::regclass"));
  }
};

struct ForeignTarget {
  const char* name;
  const char* sql;
};
void PrintTo(const ForeignTarget& target, std::ostream* out) { *out << target.name; }

class ForeignTargetTest : public BadTableTest,
                          public ::testing::WithParamInterface<ForeignTarget> {};

TEST_P(ForeignTargetTest, Row53_IsRefusedAndUnchanged) {
  Run(GetParam().sql);
  const std::string before = Definition();
  EXPECT_EQ(Summary(Load(false)), "FAILED_PRECONDITION TARGET_INCOMPATIBLE");
  EXPECT_EQ(Summary(Load(true)), "FAILED_PRECONDITION TARGET_INCOMPATIBLE");
  EXPECT_EQ(Definition(), before);
  Run("DROP FOREIGN DATA WRAPPER IF EXISTS syncline_bad_input CASCADE");
}

INSTANTIATE_TEST_SUITE_P(
    BadInput, ForeignTargetTest,
    ::testing::Values(
        ForeignTarget{"table_of_others", "CREATE TABLE $T (id bigint); INSERT INTO $T VALUES (1)"},
        ForeignTarget{"view", "CREATE VIEW $T AS SELECT 1 AS id"},
        ForeignTarget{"materialized_view", "CREATE MATERIALIZED VIEW $T AS SELECT 1 AS id"},
        ForeignTarget{"partitioned", "CREATE TABLE $T (id bigint) PARTITION BY RANGE (id)"},
        ForeignTarget{"foreign_table",
                      "CREATE FOREIGN DATA WRAPPER syncline_bad_input; "
                      "CREATE SERVER syncline_bad_input FOREIGN DATA WRAPPER syncline_bad_input; "
                      "CREATE FOREIGN TABLE $T ($M) SERVER syncline_bad_input"},
        ForeignTarget{"sequence", "CREATE SEQUENCE $T"},
        ForeignTarget{"meta_column_of_another_type",
                      "CREATE TABLE $T (_airbyte_raw_id int, _airbyte_extracted_at timestamptz, "
                      "_airbyte_meta jsonb, _airbyte_generation_id bigint)"}),
    [](const auto& target) { return std::string(target.param.name); });

TEST_F(BadTableTest, Row53_TriggerThatRaises) {
  EXPECT_EQ(Summary(Load(false)), "OK");
  Run("CREATE FUNCTION $S.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "$$ BEGIN RAISE EXCEPTION 'no'; END $$; "
      "CREATE TRIGGER refuse BEFORE INSERT ON $T FOR EACH STATEMENT EXECUTE FUNCTION $S.refuse()");
  EXPECT_EQ(Summary(Load(false)), "FAILED_PRECONDITION REJECTED_BY_DATABASE");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("bad"))), 1);
  // One that raises for a row rejects its record.
  Run("DROP TRIGGER refuse ON $T; "
      "CREATE TRIGGER refuse BEFORE INSERT ON $T FOR EACH ROW EXECUTE FUNCTION $S.refuse()");
  EXPECT_EQ(Summary(Load(false)), "OK");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("bad"))), 1);
}

TEST_F(BadTableTest, Row53_TriggerThatSkipsRows) {
  EXPECT_EQ(Summary(Load(false)), "OK");
  Run("CREATE FUNCTION $S.skip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; "
      "CREATE TRIGGER skip BEFORE INSERT ON $T FOR EACH ROW EXECUTE FUNCTION $S.skip()");
  EXPECT_EQ(Summary(Load(false)), "FAILED_PRECONDITION REJECTED_BY_DATABASE");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("bad"))), 1);
}

TEST_F(BadTableTest, Row53_CheckConstraint) {
  EXPECT_EQ(Summary(Load(false)), "OK");
  Run("ALTER TABLE $T ADD CHECK (id > 1) NOT VALID");
  EXPECT_EQ(Summary(Load(false)), "OK") << "the row is rejected";
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("bad"))), 1);
}

TEST_F(BadTableTest, Row53_RowSecurityRemains) {
  EXPECT_EQ(Summary(Load(false)), "OK");
  Run("ALTER TABLE $T ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON $T USING (id = 1)");
  EXPECT_EQ(Summary(Load(true)), "OK");
  EXPECT_EQ(
      QueryValue(absl::StrCat("SELECT relrowsecurity || ' ' || (SELECT count(*) FROM "
                              "pg_policy WHERE polrelid = c.oid) FROM pg_class c WHERE oid = '",
                              Table("bad"), "'::regclass")),
      "true 1");
}

TEST_F(BadTableTest, Row54_DependentViewSurvivesOverwrite) {
  EXPECT_EQ(Summary(Load(false)), "OK");
  Run("CREATE VIEW $S.on_bad AS SELECT count(*) AS records FROM $T");
  EXPECT_EQ(Summary(Load(false)), "OK");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT records FROM ", Table("on_bad"))), 2);
  EXPECT_EQ(Summary(Load(true)), "OK");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT records FROM ", Table("on_bad"))), 1);
}

TEST_F(BadTableTest, Row52_ColumnDroppedDuringTheSync) {
  v1::StartSyncRequest request = Request("bad");
  Started(request);
  Run("ALTER TABLE $T DROP COLUMN id");
  EXPECT_EQ(Summary(Send({Header(request.sync_id(), "bad"), Lines(0, kRecord)})),
            "FAILED_PRECONDITION SCHEMA_CHANGED");
  // StartSync repairs the table.
  EXPECT_EQ(Summary(Load(false)), "OK");
}

TEST_F(BadTableTest, Row52_TableDroppedDuringTheSync) {
  v1::StartSyncRequest request = Request("bad");
  Started(request);
  Run("DROP TABLE $T");
  EXPECT_EQ(Summary(Send({Header(request.sync_id(), "bad"), Lines(0, kRecord)})),
            "FAILED_PRECONDITION SCHEMA_CHANGED");
}

TEST_F(BadTableTest, Row52_ColumnOfAnotherTypeDuringTheSync) {
  v1::StartSyncRequest request = Request("bad");
  Started(request);
  Run("ALTER TABLE $T ALTER COLUMN id TYPE date USING NULL");
  EXPECT_EQ(Summary(Send({Header(request.sync_id(), "bad"), Lines(0, kRecord)})),
            "FAILED_PRECONDITION SCHEMA_CHANGED");
}

TEST_F(BadTableTest, Row52_OtherSchemaUnderTheSameSyncId) {
  Started(Request("bad"));
  EXPECT_EQ(Summary(Start(Request("bad", R"("more":{"type":"string"})"))),
            "INVALID_ARGUMENT SYNC_ID_REUSED");
}

TEST_F(BadTableTest, Row52_TextWithOtherValuesStaysText) {
  v1::StartSyncRequest request = Request("bad", R"("v":{"type":"string"})");
  Started(request);
  EXPECT_EQ(Summary(Send({Header(request.sync_id(), "bad"), Lines(0, "{\"id\":1,\"v\":\"x\"}")})),
            "OK");
  EXPECT_EQ(Summary(Complete(request.sync_id(), "bad")), "OK");
  request = Request("bad", R"("v":{"type":"integer"})");
  for (const char* sync : {"narrow", "and again"}) {
    request.set_sync_id(UniqueId(sync));
    v1::StartSyncResponse plan;
    EXPECT_EQ(Summary(Start(request, &plan)), "OK");
    EXPECT_EQ(plan.streams(0).columns(1).type(), "character varying");
    EXPECT_EQ(Summary(Send({Header(request.sync_id(), "bad"), Lines(0, "{\"id\":2,\"v\":7}")})),
              "OK");
    EXPECT_EQ(Summary(Complete(request.sync_id(), "bad")), "OK");
  }
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(v, ',' ORDER BY id) FROM ", Table("bad"))),
            "x,7,7");
  // A replace creates the column with the declared type.
  request.set_sync_id(UniqueId("replace"));
  request.mutable_streams(0)->set_overwrite(true);
  v1::StartSyncResponse plan;
  EXPECT_EQ(Summary(Start(request, &plan)), "OK");
  EXPECT_EQ(plan.streams(0).columns(1).type(), "bigint");
}

TEST_F(BadTableTest, Row52_OtherTypeThatValuesDoNotFit) {
  v1::StartSyncRequest request = Request("bad", R"("v":{"type":"boolean"})");
  Started(request);
  EXPECT_EQ(Summary(Send({Header(request.sync_id(), "bad"), Lines(0, "{\"id\":1,\"v\":true}")})),
            "OK");
  EXPECT_EQ(Summary(Complete(request.sync_id(), "bad")), "OK");
  request = Request("bad", R"("v":{"type":"integer"})");
  request.set_sync_id(UniqueId("narrow"));
  const std::string before = Definition();
  EXPECT_EQ(Summary(Start(request)), "FAILED_PRECONDITION SCHEMA_INCOMPATIBLE");
  EXPECT_EQ(Definition(), before);
}

}  // namespace
}  // namespace syncline::testing

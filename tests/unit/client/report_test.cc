// The report of a sync: each event has one line, and nothing is counted twice or omitted.
#include "client/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/json_text.h"
#include "client/rejected_reasons.h"
#include "tests/unit/client/fake_sync_service.h"

namespace syncline::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

StreamReport UsersReport() {
  StreamReport report;
  report.plan.set_table_schema("public");
  report.plan.set_table_name("users");
  return report;
}

v1::SchemaChange* AddChange(StreamReport* report, v1::SchemaChange::Kind kind,
                            const std::string& column) {
  v1::SchemaChange* const change = report->plan.add_changes();
  change->set_kind(kind);
  change->set_column(column);
  return change;
}

TEST(ReportTest, IsEmptyIfAllWasStoredUnchanged) {
  StreamReport report = UsersReport();
  report.summary.set_records_written(12);
  EXPECT_THAT(ReportLines(report), IsEmpty());
  EXPECT_THAT(FindStrictFaults(report), IsEmpty());
}

TEST(ReportTest, HasOneLinePerChangeOfTheTable) {
  StreamReport report = UsersReport();
  AddChange(&report, v1::SchemaChange::KIND_ADD_COLUMN, "age")->set_to("bigint");
  v1::SchemaChange* const retyped = AddChange(&report, v1::SchemaChange::KIND_CHANGE_TYPE, "price");
  retyped->set_from("bigint");
  retyped->set_to("numeric");
  retyped->set_rewrites(true);
  retyped->set_table_bytes(8192);
  AddChange(&report, v1::SchemaChange::KIND_DROP_COLUMN, "old")->set_from("text");
  AddChange(&report, v1::SchemaChange::KIND_RELAX_NOT_NULL, "id");
  AddChange(&report, v1::SchemaChange::KIND_ADD_INDEX, "users_key");
  AddChange(&report, v1::SchemaChange::KIND_DROP_INDEX, "users_key1");
  v1::SchemaChange* const identity =
      AddChange(&report, v1::SchemaChange::KIND_REPLICA_IDENTITY, "");
  identity->set_from("default");
  identity->set_to("full");
  const std::vector<std::string> lines = ReportLines(report);
  EXPECT_THAT(
      lines, ElementsAre("public.users: column \"age\" is added (bigint)",
                         "public.users: column \"price\" changes from bigint to numeric; the table "
                         "of 8192 bytes is rewritten",
                         "public.users: column \"old\" (text) is dropped",
                         "public.users: column \"id\" becomes nullable",
                         "public.users: index \"users_key\" is created",
                         "public.users: index \"users_key1\" is dropped",
                         "public.users: the replica identity changes from default to full"));
  EXPECT_EQ(FindStrictFaults(report), lines);
}

TEST(ReportTest, StrictAllowsCreatingTheTable) {
  StreamReport report = UsersReport();
  AddChange(&report, v1::SchemaChange::KIND_CREATE_TABLE, "");
  EXPECT_THAT(ReportLines(report), ElementsAre("public.users: the table is created"));
  EXPECT_THAT(FindStrictFaults(report), IsEmpty());
  EXPECT_THAT(ReportJson(report), ::testing::HasSubstr(R"("kind":"CREATE_TABLE","column":"")"));
}

TEST(ReportTest, StrictAllowsWarnings) {
  StreamReport report = UsersReport();
  v1::Warning* const warning = report.plan.add_warnings();
  warning->set_code("ROWS_AFTER_CHECKPOINT");
  warning->set_text("12 rows may come twice");
  EXPECT_THAT(ReportLines(report),
              ElementsAre("public.users: 12 rows may come twice [ROWS_AFTER_CHECKPOINT]"));
  EXPECT_TRUE(PlanEntries(report.plan)[0].warning);
  EXPECT_THAT(FindStrictFaults(report), IsEmpty());
}

TEST(ReportTest, CountsRejectedRecordsByReasonAndTheRest) {
  StreamReport report = UsersReport();
  report.summary.set_records_rejected(10);
  report.rejected = {{"NOT_JSON", 6, 17}, {"MISSING_KEY", 1, 2}};
  EXPECT_THAT(ReportLines(report),
              ElementsAre("public.users: 6 records rejected with NOT_JSON; the first is record 18",
                          "public.users: 1 record rejected with MISSING_KEY; the first is record 3",
                          "public.users: 3 records rejected for reasons that were not read"));
  report.rejected.clear();
  EXPECT_THAT(ReportLines(report), ElementsAre("public.users: 10 records rejected"));
}

TEST(ReportTest, CountsValuesByColumnAndTheRest) {
  StreamReport report = UsersReport();
  report.summary.set_values_nulled(9);
  report.summary.set_values_truncated(2);
  report.summary.set_fields_undeclared(4);
  v1::ColumnCounts* const age = report.summary.add_columns();
  age->set_column("age");
  age->set_nulled(8);
  age->set_truncated(2);
  v1::ColumnCounts* const late = report.summary.add_columns();
  late->set_column("late");
  late->set_undeclared(4);
  EXPECT_THAT(
      ReportLines(report),
      ElementsAre("public.users: column \"age\": 8 values did not fit and became NULL",
                  "public.users: column \"age\": 2 values were truncated or cleaned",
                  "public.users: field \"late\" is not declared and was not stored in 4 records",
                  "public.users: other columns: 1 value did not fit and became NULL"));
  EXPECT_EQ(FindStrictFaults(report).size(), 4u);
}

TEST(ReportTest, IsOneObjectOfJson) {
  StreamReport report = UsersReport();
  report.plan.set_table_name("us\"ers");
  AddChange(&report, v1::SchemaChange::KIND_ADD_COLUMN, "age")->set_to("bigint");
  report.plan.add_warnings()->set_code("TABLE_SPLIT");
  report.summary.set_records_written(3);
  report.summary.add_columns()->set_column("age");
  report.rejected = {{"NOT_JSON", 6, 17}};
  EXPECT_EQ(
      ReportJson(report),
      R"({"table":"public.us\"ers","rows":3,"rejected":0,"rejected_reasons":[{"reason":"NOT_JSON",)"
      R"("count":6,"first_offset":17,"first_line":null,"first_file":null}],"values_nulled":0,)"
      R"("values_truncated":0,)"
      R"("fields_undeclared":0,"columns":[{"column":"age","nulled":0,"truncated":0,)"
      R"("undeclared":0}],"changes":[{"kind":"ADD_COLUMN","column":"age","from":"","to":"bigint",)"
      R"("rewrites":false,"table_bytes":0}],"warnings":[{"code":"TABLE_SPLIT","text":""}]})");
  EXPECT_TRUE(ParseJson(ReportJson(report)).has_value());
}

TEST(RejectedReasonsTest, CountsAllPagesAndKeepsTheFirstOffset) {
  FakeServer server;
  for (int64_t i = 0; i < 5; ++i) server.service.Reject("t", i * 10, i % 2 == 0 ? "A" : "B");
  v1::StreamDescriptor descriptor;
  descriptor.set_name("t");
  const auto reasons = ReadRejectedReasons(server.client.get(), "s", descriptor);
  ASSERT_TRUE(reasons.ok()) << reasons.status();
  ASSERT_EQ(reasons->size(), 2u);
  EXPECT_EQ((*reasons)[0].reason, "A");
  EXPECT_EQ((*reasons)[0].count, 3);
  EXPECT_EQ((*reasons)[0].first_offset, 0);
  EXPECT_EQ((*reasons)[1].reason, "B");
  EXPECT_EQ((*reasons)[1].first_offset, 10);
}

}  // namespace
}  // namespace syncline::client

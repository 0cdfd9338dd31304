// The requests that `syncline load` makes from its flags, and when it publishes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/json_text.h"
#include "client/line_index.h"
#include "client/load_end.h"
#include "client/load_report_text.h"
#include "client/load_request.h"
#include "client/record_batch.h"
#include "client/rejected_text.h"
#include "client/usage_error.h"
#include "client/validation_text.h"

namespace syncline::client {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(LineIndexTest, FindsTheLineOfEveryRecord) {
  LineIndex index;
  const std::vector<int64_t> lines = {2, 3, 5, 6, 7, 20, 21};
  for (size_t i = 0; i < lines.size(); ++i) index.Add(static_cast<int64_t>(i), lines[i]);
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(index.FindLine(static_cast<int64_t>(i)), lines[i]);
  }
  EXPECT_EQ(index.FindLine(7), std::nullopt);
  EXPECT_EQ(LineIndex().FindLine(0), std::nullopt);
}

TEST(LineIndexTest, ReturnsNothingBeyondItsCapacity) {
  LineIndex index;
  const auto runs = static_cast<int64_t>(LineIndex::kMaxRuns);
  for (int64_t i = 0; i < runs + 10; ++i) index.Add(i, 2 * i + 1);
  index.Add(runs + 10, runs + 10 + runs);  // would continue the last run that was kept
  EXPECT_EQ(index.FindLine(runs - 1), 2 * runs - 1);
  EXPECT_EQ(index.FindLine(runs), std::nullopt);
  EXPECT_EQ(index.FindLine(runs + 10), std::nullopt);
}

StreamReport Summary(int64_t written, int64_t rejected) {
  StreamReport report;
  report.summary.set_records_written(written);
  report.summary.set_records_rejected(rejected);
  return report;
}

TEST(WhyNotToPublishTest, ReplaceNeedsAllRecords) {
  EndRules rules;
  rules.replace = true;
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(3, 0), false), IsEmpty());
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(3, 1), false),
              HasSubstr("1 record was rejected"));
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(3, 0), true), HasSubstr("truncated"));
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(0, 0), false), HasSubstr("--allow_empty"));
  rules.max_rejected = 2;
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(3, 2), false), IsEmpty());
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(3, 3), false), HasSubstr("--allow_rejected"));
  rules.allow_rejected = true;
  rules.allow_empty = true;
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(3, 3), false), IsEmpty());
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(0, 0), false), IsEmpty());
  EXPECT_THAT(FindReasonNotToPublish(rules, Summary(3, 0), true), HasSubstr("truncated"));
}

TEST(WhyNotToPublishTest, OtherModesPublishPartialInput) {
  EXPECT_THAT(FindReasonNotToPublish({}, Summary(0, 0), true), IsEmpty());
  EXPECT_THAT(FindReasonNotToPublish({}, Summary(3, 1), false), IsEmpty());
}

TEST(WhyNotToPublishTest, StrictAllowsNoChange) {
  EndRules rules;
  rules.strict = true;
  StreamReport report = Summary(3, 0);
  EXPECT_THAT(FindReasonNotToPublish(rules, report, false), IsEmpty());
  report.summary.set_values_nulled(2);
  EXPECT_THAT(FindReasonNotToPublish(rules, report, false), HasSubstr("2 values did not fit"));
  report.summary.set_values_nulled(0);
  report.summary.set_fields_undeclared(1);
  EXPECT_THAT(FindReasonNotToPublish(rules, report, false), HasSubstr("not stored"));
  report = Summary(3, 0);
  report.plan.add_changes()->set_kind(v1::SchemaChange::KIND_ADD_COLUMN);
  EXPECT_THAT(FindReasonNotToPublish(rules, report, false), IsEmpty())
      << "the server has already checked these";
}

absl::StatusOr<v1::StartSyncRequest> Request(std::vector<std::string> flags) {
  flags.insert(flags.begin(), {"load", "f"});
  const Invocation invocation =
      ParseCommandLine(flags, [](const std::string&) { return std::nullopt; });
  if (invocation.verb == nullptr) return absl::InvalidArgumentError(invocation.to_stderr);
  return MakeLoadRequest(invocation.command_line);
}

TEST(MakeLoadRequestTest, NamesTheTableAndTheStream) {
  const struct {
    const char* table;
    const char* schema;
    const char* name;
  } cases[] = {{"people", "", "people"},
               {"shop.people", "shop", "people"},
               {"\"My Shop\".\"a.b\"", "My Shop", "a.b"},
               {"\"say \"\"hi\"\"\"", "", "say \"hi\""}};
  for (const auto& c : cases) {
    const auto request = Request({"--table", c.table});
    ASSERT_TRUE(request.ok()) << request.status();
    EXPECT_EQ(request->streams(0).table_name(), c.table);
    EXPECT_EQ(request->streams(0).descriptor().namespace_(), c.schema);
    EXPECT_EQ(request->streams(0).descriptor().name(), c.name) << c.table;
  }
}

TEST(MakeLoadRequestTest, RefusesWhatIsNotATableName) {
  for (const char* const table : {"shop.a.b", "my table", "a.", ".a", "\"a", "\"a\"b", "\"\"", "1a",
                                  "a-b", "a .b", "\"a\".b.c"}) {
    const auto request = Request({"--table", table});
    EXPECT_TRUE(IsUsageError(request.status())) << table;
    EXPECT_THAT(std::string(request.status().message()), HasSubstr("double quotes")) << table;
  }
}

TEST(MakeLoadRequestTest, SetsTheMetaColumns) {
  EXPECT_EQ(Request({"--table=t"})->streams(0).meta(), v1::META_UNSPECIFIED);
  EXPECT_EQ(Request({"--table=t", "--meta=full"})->streams(0).meta(), v1::META_UNSPECIFIED);
  EXPECT_EQ(Request({"--table=t", "--meta=compact"})->streams(0).meta(), v1::META_COMPACT);
  EXPECT_EQ(Request({"--table=t", "--meta=none", "--mode=overwrite"})->streams(0).meta(),
            v1::META_NONE);
  const std::vector<std::string> dedup = {"--table=t", "--mode=dedup", "--primary_key=a"};
  for (const char* meta : {"none", "compact", "some"}) {
    std::vector<std::string> flags = dedup;
    flags.push_back(absl::StrCat("--meta=", meta));
    EXPECT_FALSE(Request(flags).ok()) << meta;
  }
}

TEST(MakeLoadRequestTest, SetsTheGuard) {
  const auto request = Request({"--table=t", "--mode=overwrite", "--min_rows=5",
                                "--max_shrink=0.25", "--not_null=a=0.5,b", "--unique_key",
                                "--primary_key=a", "--max_nulled=0", "--allow_empty"});
  ASSERT_TRUE(request.ok()) << request.status();
  const v1::PublishGuard& guard = request->streams(0).guard();
  EXPECT_EQ(guard.min_rows(), 5);
  EXPECT_EQ(guard.max_shrink(), 0.25);
  EXPECT_EQ(guard.not_null().at("a"), 0.5);
  EXPECT_EQ(guard.not_null().at("b"), 1);
  EXPECT_TRUE(guard.unique_key() && guard.allow_empty());
  EXPECT_TRUE(guard.has_max_nulled());
  EXPECT_TRUE(guard.has_max_rejected()) << "0 for overwrite";
  EXPECT_FALSE(Request({"--table=t"})->streams(0).guard().has_max_rejected());
  EXPECT_FALSE(Request({"--table=t", "--mode=overwrite", "--allow_rejected"})
                   ->streams(0)
                   .guard()
                   .has_max_rejected());
}

TEST(MakeLoadRequestTest, RefusesInconsistentFlags) {
  const auto fault = [](std::vector<std::string> flags) {
    flags.push_back("--table=t");
    return std::string(Request(std::move(flags)).status().message());
  };
  EXPECT_THAT(fault({"--mode=dedup"}), HasSubstr("--primary_key"));
  EXPECT_THAT(fault({"--primary_key=a"}), HasSubstr("--mode dedup"));
  EXPECT_THAT(fault({"--min_rows=1"}), HasSubstr("--min_rows requires"));
  EXPECT_THAT(fault({"--validate_only"}), HasSubstr("--validate_only requires"));
  EXPECT_THAT(fault({"--mode=overwrite", "--max_shrink=2"}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(fault({"--mode=overwrite", "--not_null=a=x"}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(fault({"--mode=overwrite", "--unique_key"}), HasSubstr("--primary_key"));
  EXPECT_THAT(fault({"--replace_strategy=swap"}), HasSubstr("--mode overwrite"));
  EXPECT_THAT(fault({"--strict", "--schema_policy=mirror"}), HasSubstr("freeze"));
  EXPECT_THAT(fault({"--connection_id=\xE9"}), HasSubstr("--connection_id is not UTF-8"));
}

TEST(MakeLoadRequestTest, SetsTheSchemaPolicy) {
  EXPECT_EQ(Request({"--table=t"})->streams(0).schema_policy(), v1::SCHEMA_POLICY_KEEP);
  EXPECT_EQ(Request({"--table=t", "--schema_policy=mirror"})->streams(0).schema_policy(),
            v1::SCHEMA_POLICY_MIRROR);
  EXPECT_EQ(Request({"--table=t", "--strict"})->streams(0).schema_policy(),
            v1::SCHEMA_POLICY_FREEZE);
}

TEST(MakeLoadRequestTest, SetsTheReplaceStrategy) {
  const auto strategy = [](const std::vector<std::string>& arguments) {
    return Request(arguments)->streams(0).replace_strategy();
  };
  // A sync of an older client, which did not set it, can be resumed.
  EXPECT_EQ(strategy({"--table=t"}), v1::REPLACE_STRATEGY_UNSPECIFIED);
  EXPECT_EQ(strategy({"--table=t", "--replace_strategy=auto"}), v1::REPLACE_STRATEGY_UNSPECIFIED);
  EXPECT_EQ(strategy({"--table=t", "--mode=overwrite", "--replace_strategy=in_place"}),
            v1::REPLACE_STRATEGY_IN_PLACE);
  EXPECT_EQ(strategy({"--table=t", "--mode=overwrite", "--replace_strategy=swap"}),
            v1::REPLACE_STRATEGY_SWAP);
}

TEST(MakeLoadRequestTest, SetsTheDistribution) {
  EXPECT_FALSE(Request({"--table=t"})->streams(0).has_distribution());
  const v1::StartSyncRequest request = *Request({"--table=t", "--distribute_by=id"});
  EXPECT_EQ(request.streams(0).distribution().column(), "id");
  EXPECT_EQ(request.streams(0).distribution().colocate_with(), "");
}

TEST(LoadReportTest, NamesTheFirstRejectedLineAndTheGuard) {
  LoadReport report;
  report.stream.plan.set_table_schema("shop");
  report.stream.plan.set_table_name("t");
  report.stream.summary.set_records_written(7);
  report.stream.summary.set_records_rejected(2);
  report.stream.rejected = {{"FIELD_COUNT", 2, 0, 2}};
  v1::Validation& validation = report.validation.emplace();
  validation.set_rows_inserted(5);
  v1::GuardResult& result = *validation.add_guard_results();
  result.set_name("min_rows");
  result.set_limit(9);
  result.set_actual(7);
  EXPECT_FALSE(GuardHolds(validation));
  const std::string text = absl::StrJoin(LoadReportLines(report, absl::Seconds(2)), "\n");
  EXPECT_THAT(text, HasSubstr("shop.t: 7 rows, 2 rejected, 2.0 s"));
  EXPECT_THAT(text, HasSubstr("2 records rejected with FIELD_COUNT (number of fields differs from "
                              "the header); the first is record 1 on line 2"));
  EXPECT_THAT(text, HasSubstr("would insert 5 rows"));
  EXPECT_THAT(text, HasSubstr("guard min_rows: does not hold (limit 9, actual 7)"));
  report.refused = "say \"why\"";
  const std::string json = LoadReportJson(report, "s", absl::Seconds(2));
  EXPECT_TRUE(ParseJson(json).has_value()) << json;
  EXPECT_THAT(json, HasSubstr(R"("first_line":2)"));
  EXPECT_THAT(json, HasSubstr(R"("refused":"say \"why\"")"));
}

TEST(RejectedTableTest, CountsByReasonAndShowsTheFirst) {
  RejectedTable table;
  v1::RejectedRecord record;
  record.mutable_descriptor()->set_name("t");
  for (int i = 0; i < 5; ++i) {
    record.set_reason(i == 4 ? "INVALID_JSON" : "FIELD_COUNT");
    record.set_offset(i * 10);
    record.set_raw(absl::StrCat("[", i, "]\t\xE9"));
    table.Add(record);
  }
  EXPECT_EQ(table.Format(),
            "STREAM  REASON        RECORDS  WRITER  OFFSET  BEGINS WITH\n"
            "t       FIELD_COUNT   4        -       0       [0]??\n"
            "                               -       10      [1]??\n"
            "                               -       20      [2]??\n"
            "t       INVALID_JSON  1        -       40      [4]??\n");
}

TEST(RejectedTableTest, CutsALongRecordBetweenCharacters) {
  const std::string start(59, 'x');
  EXPECT_EQ(GetPrintableStart(absl::StrCat(start, "\xC3\xA9 and more")),
            absl::StrCat(start, "..."));
  EXPECT_EQ(GetPrintableStart("short \xC3\xA9"), "short \xC3\xA9");
}

TEST(RecordBatchTest, ListsUnreadableRecords) {
  RecordBatchBuilder builder(RecordBatchBuilder::Payload::kJsonl, {});
  builder.Append("{}");
  builder.AppendUnreadable("[\"a\"]", "FIELD_COUNT");
  const auto request = builder.Take();
  EXPECT_EQ(request->batch().jsonl(), "{}\n[\"a\"]\n");
  ASSERT_EQ(request->batch().unreadable_size(), 1);
  EXPECT_EQ(request->batch().unreadable(0).offset(), 1);
  EXPECT_EQ(request->batch().unreadable(0).reason(), "FIELD_COUNT");
}

TEST(RecordBatchTest, KeepsTheRecordsAfterTheMark) {
  RecordBatchBuilder builder(RecordBatchBuilder::Payload::kAirbyteJsonl, {});
  builder.Append("1");
  builder.Mark();
  builder.Append("2");
  builder.Mark();
  builder.Append("3");
  EXPECT_EQ(builder.marked_records(), 2);
  EXPECT_EQ(builder.marked_bytes(), 4);
  EXPECT_EQ(builder.TakeMarked()->batch().airbyte_jsonl(), "1\n2\n");
  EXPECT_EQ(builder.records(), 1);
  EXPECT_EQ(builder.marked_records(), 0);
  builder.Append("4");
  builder.Mark();
  EXPECT_EQ(builder.TakeMarked()->batch().airbyte_jsonl(), "3\n4\n");
  EXPECT_TRUE(builder.empty());
}

}  // namespace
}  // namespace syncline::client

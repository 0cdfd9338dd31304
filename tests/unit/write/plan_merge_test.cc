// What an extension of a sync changes in the plan of a stream, and what it may not change.
#include "server/write/plan_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/reasons.h"

namespace syncline::write {
namespace {

using ::testing::ElementsAre;

ColumnSchema Column(const std::string& property, ColumnType type, const std::string& name = "") {
  ColumnSchema column;
  column.input_name = property;
  column.column_name = name;
  column.type = type;
  return column;
}

class PlanMergeTest : public ::testing::Test {
 protected:
  // A deduplicated stream whose columns have other names than their properties.
  PlanMergeTest() {
    StreamPlan& plan = known_.plan;
    plan.table = {"public", "t"};
    plan.write_mode = WriteMode::kDedup;
    plan.loader = LoaderKind::kDedup;
    plan.generation_id = 3;
    plan.schema.columns = {Column("id", ColumnType::kBigint, "id_"),
                           Column("at", ColumnType::kDate, "at_")};
    plan.schema.primary_key = {"id_"};
    plan.schema.cursor = "at_";
    requested_.plan.write_mode = WriteMode::kDedup;
    requested_.plan.schema.columns = {Column("id", ColumnType::kBigint),
                                      Column("at", ColumnType::kDate)};
    requested_.plan.schema.primary_key = {"id"};
    requested_.plan.schema.cursor = "at";
    request_.generation.generation_id = 3;
    request_.generation.minimum_generation_id = 0;
  }

  absl::StatusOr<std::optional<StreamEntry>> Merge() {
    return MergePlan(known_, requested_, request_);
  }

  // Returns "property:type" of the merged columns; empty if the plan does not change.
  std::vector<std::string> Columns() {
    const auto merged = Merge();
    EXPECT_TRUE(merged.ok()) << merged.status();
    std::vector<std::string> columns;
    if (!merged.ok() || !merged->has_value()) return columns;
    for (const ColumnSchema& column : (*merged)->plan.schema.columns) {
      columns.push_back(column.input_name + ":" + std::string(PostgresTypeName(column.type)));
    }
    return columns;
  }

  StreamEntry known_;
  StreamEntry requested_;
  StreamRequest request_;
};

TEST_F(PlanMergeTest, EqualOrNarrowerRequestChangesNothing) {
  EXPECT_THAT(Columns(), ElementsAre());
  known_.plan.schema.columns.push_back(Column("more", ColumnType::kVarchar, "more"));
  EXPECT_THAT(Columns(), ElementsAre());
  request_.generation = {};  // the generation that the stream has
  EXPECT_THAT(Columns(), ElementsAre());
}

TEST_F(PlanMergeTest, AddsColumnsAndWidensTypes) {
  requested_.plan.schema.columns.push_back(Column("new", ColumnType::kBoolean));
  requested_.plan.schema.columns[1].type = ColumnType::kVarchar;
  EXPECT_THAT(Columns(), ElementsAre("id:bigint", "at:character varying", "new:boolean"));
  const auto merged = Merge();
  ASSERT_TRUE(merged.ok() && merged->has_value());
  // Keys are properties, because the columns are named again.
  EXPECT_THAT((*merged)->plan.schema.primary_key, ElementsAre("id"));
  EXPECT_EQ((*merged)->plan.schema.cursor, "at");
  EXPECT_EQ((*merged)->plan.generation_id, 3);
}

// What counts is what was declared, not what the table's column has made of it.
TEST_F(PlanMergeTest, RepeatedRequestKeepsTheTypesOfTheTable) {
  ColumnSchema coerced = Column("n", ColumnType::kVarchar, "n_");
  coerced.declared_type = ColumnType::kBigint;
  coerced.table_type = "mood";
  coerced.stored_type = "text";
  known_.plan.schema.columns.push_back(coerced);
  requested_.plan.schema.columns.push_back(Column("n", ColumnType::kBigint));
  EXPECT_THAT(Columns(), ElementsAre());
  requested_.plan.schema.columns[2].type = ColumnType::kNumeric;
  EXPECT_THAT(Columns(), ElementsAre("id:bigint", "at:date", "n:numeric"));
  const auto merged = Merge();
  ASSERT_TRUE(merged.ok() && merged->has_value());
  const ColumnSchema& changed = (*merged)->plan.schema.columns[2];
  EXPECT_EQ(changed.table_type, "");
  EXPECT_EQ(changed.stored_type, "");
  EXPECT_FALSE(changed.declared_type.has_value());
}

TEST_F(PlanMergeTest, CommonTypes) {
  EXPECT_EQ(CommonType(ColumnType::kBigint, ColumnType::kNumeric), ColumnType::kNumeric);
  EXPECT_EQ(CommonType(ColumnType::kDate, ColumnType::kTimestamptz), ColumnType::kVarchar);
  EXPECT_EQ(CommonType(ColumnType::kBoolean, ColumnType::kBoolean), ColumnType::kBoolean);
  EXPECT_EQ(CommonType(ColumnType::kVarchar, ColumnType::kBigint), ColumnType::kJsonb);
  EXPECT_EQ(CommonType(ColumnType::kJsonb, ColumnType::kVarchar), ColumnType::kJsonb);
}

TEST_F(PlanMergeTest, OlderGenerationsMayChange) {
  known_.plan.schema.columns.push_back(Column("gone", ColumnType::kTimestamptz, "gone_"));
  requested_.plan.older_generations = OlderGenerations::kMarkDeleted;
  requested_.plan.deleted_at_column = "gone";
  auto merged = Merge();
  ASSERT_TRUE(merged.ok() && merged->has_value());
  EXPECT_EQ((*merged)->plan.older_generations, OlderGenerations::kMarkDeleted);
  known_.plan.older_generations = OlderGenerations::kMarkDeleted;
  known_.plan.deleted_at_column = "gone_";
  merged = Merge();
  ASSERT_TRUE(merged.ok());
  EXPECT_FALSE(merged->has_value());
}

TEST_F(PlanMergeTest, FixedPartsMayNot) {
  const std::pair<const char*, std::function<void()>> changes[] = {
      {"write_mode", [this] { requested_.plan.write_mode = WriteMode::kAppend; }},
      {"primary_key", [this] { requested_.plan.schema.primary_key = {"at"}; }},
      {"primary_key",
       [this] {
         requested_.plan.schema.primary_key = {"id", "at"};
       }},
      {"cursor", [this] { requested_.plan.schema.cursor.reset(); }},
      {"generation_id", [this] { request_.generation.generation_id = 4; }},
      {"generation_id", [this] { request_.generation.minimum_generation_id = 3; }},
      {"generation_id",
       [this] {
         request_.generation = {std::nullopt, std::nullopt, true};
       }},
      {"meta", [this] { requested_.plan.schema.meta = TableMeta::kCompact; }},
      {"table_name",
       [this] {
         request_.exact_table = TableName{"public", "other"};
       }},
  };
  for (const auto& [field, change] : changes) {
    SCOPED_TRACE(field);
    const StreamEntry requested = requested_;
    const StreamRequest request = request_;
    change();
    const absl::Status status = Merge().status();
    EXPECT_EQ(GetReason(status), reason::kPlanChanged);
    ASSERT_EQ(GetDetail(status).violations.size(), 1u);
    EXPECT_EQ(GetDetail(status).violations[0].field, field);
    requested_ = requested;
    request_ = request;
  }
}

}  // namespace
}  // namespace syncline::write

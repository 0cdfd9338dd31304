// What can be loaded into a table that Citus places, and how a new table is distributed.
#include "server/model/placement_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "server/model/distribution.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using Kind = TablePlacement::Kind;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

ColumnSchema Column(const std::string& name, ColumnType type = ColumnType::kBigint) {
  ColumnSchema column;
  column.input_name = name;
  column.column_name = name;
  column.type = type;
  return column;
}

StreamPlan Plan(LoaderKind loader) {
  StreamPlan plan;
  plan.table = {"ns", "t"};
  plan.temp_table = {"ledger", "staging"};
  plan.loader = loader;
  plan.schema.columns = {Column("id"), Column("part"), Column("name", ColumnType::kVarchar)};
  if (loader == LoaderKind::kDedup || loader == LoaderKind::kDedupTruncate) {
    plan.write_mode = WriteMode::kDedup;
    plan.schema.primary_key = {"id"};
  }
  return plan;
}

PlacedTarget Target(Kind kind, const std::string& column = {}) {
  return {.exists = true,
          .on_citus = true,
          .placement = {.kind = kind, .column = column, .colocation_id = 7},
          .access_method = "heap"};
}

constexpr LoaderKind kAllLoaders[] = {LoaderKind::kAppend, LoaderKind::kDedup,
                                      LoaderKind::kAppendTruncate, LoaderKind::kDedupTruncate};

TEST(PlacementRulesTest, OrdinaryTablesTakeEveryLoader) {
  for (const LoaderKind loader : kAllLoaders) {
    EXPECT_OK(CheckPlacement(Plan(loader), {}));
    EXPECT_OK(CheckPlacement(Plan(loader), Target(Kind::kOrdinary)));
  }
}

TEST(PlacementRulesTest, HashTablesNeedTheirColumn) {
  for (const LoaderKind loader : kAllLoaders) {
    EXPECT_OK(CheckPlacement(Plan(loader), Target(Kind::kHash, "id")));
  }
  EXPECT_OK(CheckPlacement(Plan(LoaderKind::kAppend), Target(Kind::kHash, "part")));
  EXPECT_OK(CheckPlacement(Plan(LoaderKind::kAppend), Target(Kind::kHash, kRawIdColumn)));
  const absl::Status key = CheckPlacement(Plan(LoaderKind::kDedup), Target(Kind::kHash, "part"));
  EXPECT_THAT(key, StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  EXPECT_THAT(key.message(), HasSubstr("not part of the primary key"));
  EXPECT_THAT(key.message(), HasSubstr("distributed by the column part"));
  const absl::Status unknown =
      CheckPlacement(Plan(LoaderKind::kAppend), Target(Kind::kHash, "other"));
  EXPECT_THAT(unknown, StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  EXPECT_THAT(unknown.message(), HasSubstr("does not declare"));
}

TEST(PlacementRulesTest, OtherPlacementsAreAppendedTo) {
  for (const Kind kind : {Kind::kManagedLocal, Kind::kSingleShard, Kind::kOther}) {
    EXPECT_OK(CheckPlacement(Plan(LoaderKind::kAppend), Target(kind)));
    for (const LoaderKind loader :
         {LoaderKind::kDedup, LoaderKind::kAppendTruncate, LoaderKind::kDedupTruncate}) {
      const absl::Status refused = CheckPlacement(Plan(loader), Target(kind));
      EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_DISTRIBUTED"));
      EXPECT_THAT(refused.message(), HasSubstr("undistribute_table"));
      EXPECT_EQ(GetDetail(refused).subject, "ns.t");
    }
  }
  EXPECT_OK(CheckPlacement(Plan(LoaderKind::kAppend), Target(Kind::kReference)));
  EXPECT_OK(CheckPlacement(Plan(LoaderKind::kAppendTruncate), Target(Kind::kReference)));
  EXPECT_THAT(CheckPlacement(Plan(LoaderKind::kDedup), Target(Kind::kReference)),
              StatusIs(kRefused, "TARGET_DISTRIBUTED"));
}

TEST(PlacementRulesTest, ColumnarTablesAreNotMerged) {
  PlacedTarget target = Target(Kind::kOrdinary);
  target.access_method = "columnar";
  EXPECT_OK(CheckPlacement(Plan(LoaderKind::kAppend), target));
  EXPECT_OK(CheckPlacement(Plan(LoaderKind::kAppendTruncate), target));
  for (const LoaderKind loader : {LoaderKind::kDedup, LoaderKind::kDedupTruncate}) {
    EXPECT_THAT(CheckPlacement(Plan(loader), target), StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  }
  StreamPlan marks = Plan(LoaderKind::kAppend);
  marks.older_generations = OlderGenerations::kMarkDeleted;
  EXPECT_THAT(CheckPlacement(marks, target), StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
}

TEST(PlacementRulesTest, TheDistributionColumnMarksNoRows) {
  StreamPlan marks = Plan(LoaderKind::kAppend);
  marks.older_generations = OlderGenerations::kMarkDeleted;
  marks.deleted_at_column = "part";
  EXPECT_OK(CheckPlacement(marks, Target(Kind::kHash, "id")));
  const absl::Status refused = CheckPlacement(marks, Target(Kind::kHash, "part"));
  EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  EXPECT_THAT(refused.message(), HasSubstr("another column"));
}

TEST(PlacementRulesTest, RequestsMustMatchTheTable) {
  StreamPlan plan = Plan(LoaderKind::kAppend);
  plan.distribution.property = "id";
  EXPECT_OK(CheckPlacement(plan, {.on_citus = true}));
  EXPECT_OK(CheckPlacement(plan, Target(Kind::kHash, "id")));
  for (const PlacedTarget& target : {PlacedTarget{}, Target(Kind::kOrdinary),
                                     Target(Kind::kHash, "part"), Target(Kind::kReference)}) {
    EXPECT_THAT(CheckPlacement(plan, target), StatusIs(kRefused, "DISTRIBUTION_DIFFERS"));
  }
}

TEST(PlacementRulesTest, TheDistributionColumnKeepsItsType) {
  const TableName table = {"ns", "t"};
  const TablePlacement placement = {.kind = Kind::kHash, .column = "id", .colocation_id = 7};
  const SchemaChange retyped = {
      .kind = SchemaChange::Kind::kChangeType, .column = "id", .from = "bigint", .to = "numeric"};
  EXPECT_THAT(CheckPlacedChanges(table, placement, {retyped}),
              StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  EXPECT_OK(CheckPlacedChanges(table, {}, {retyped}));
  SchemaChange other = retyped;
  other.column = "name";
  EXPECT_OK(CheckPlacedChanges(table, placement, {other}));
  other.column = "id";
  other.kind = SchemaChange::Kind::kDropColumn;
  EXPECT_THAT(CheckPlacedChanges(table, placement, {other}),
              StatusIs(kRefused, "TARGET_DISTRIBUTED"));
}

TEST(DistributionTest, NewTablesFollowTheSetting) {
  const auto column = [](StreamPlan plan, NewTableDistribution setting) {
    plan.distribution = ChooseDistribution(plan, setting);
    return GetDistributionColumn(plan);
  };
  const StreamPlan append = Plan(LoaderKind::kAppend);
  const StreamPlan dedup = Plan(LoaderKind::kDedup);
  EXPECT_EQ(column(append, NewTableDistribution::kOff), "");
  EXPECT_EQ(column(append, NewTableDistribution::kKey), kRawIdColumn);
  EXPECT_EQ(column(append, NewTableDistribution::kRawId), kRawIdColumn);
  EXPECT_EQ(column(dedup, NewTableDistribution::kOff), "");
  EXPECT_EQ(column(dedup, NewTableDistribution::kKey), "id");
  // Rows of one key must be on one node.
  EXPECT_EQ(column(dedup, NewTableDistribution::kRawId), "id");
  StreamPlan bare = append;
  bare.schema.meta = TableMeta::kNone;
  EXPECT_EQ(column(bare, NewTableDistribution::kKey), "");
  StreamPlan requested = dedup;
  requested.distribution.property = "part";
  EXPECT_EQ(column(requested, NewTableDistribution::kKey), "part");
}

}  // namespace
}  // namespace syncline

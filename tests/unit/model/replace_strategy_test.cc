#include "server/model/replace_strategy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace syncline {
namespace {

using ::testing::HasSubstr;

const TableName kUsers = {"public", "users"};

ReplaceObstacle Obstacle(const std::string& subject, bool forceable = false) {
  return {.reason = "DEPENDENT_OBJECTS",
          .subject = subject,
          .problem = "is in the way",
          .forceable = forceable};
}

absl::StatusOr<StrategyChoice> Choose(ReplaceStrategy requested, bool swap, bool in_place,
                                      bool forceable = false) {
  ReplaceObstacles obstacles = {.target_exists = true};
  if (swap) obstacles.swap = Obstacle("view v", forceable);
  if (in_place) obstacles.in_place = Obstacle("rule r");
  return ChooseStrategy(kUsers, requested, obstacles);
}

TEST(ReplaceStrategyTest, MissingTableIsSwapped) {
  for (const ReplaceStrategy requested :
       {ReplaceStrategy::kAuto, ReplaceStrategy::kSwap, ReplaceStrategy::kInPlace}) {
    const auto choice = ChooseStrategy(kUsers, requested, {});
    ASSERT_TRUE(choice.ok());
    EXPECT_EQ(choice->strategy, ReplaceStrategy::kSwap);
    EXPECT_EQ(choice->reason, "the table does not exist");
  }
}

TEST(ReplaceStrategyTest, AutoPrefersSwap) {
  const auto choice = Choose(ReplaceStrategy::kAuto, false, false);
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->strategy, ReplaceStrategy::kSwap);
  EXPECT_EQ(Choose(ReplaceStrategy::kAuto, false, true)->strategy, ReplaceStrategy::kSwap);
}

TEST(ReplaceStrategyTest, AutoTakesInPlaceAndNamesTheObstacle) {
  for (const bool forceable : {false, true}) {
    const auto choice = Choose(ReplaceStrategy::kAuto, true, false, forceable);
    ASSERT_TRUE(choice.ok());
    EXPECT_EQ(choice->strategy, ReplaceStrategy::kInPlace);
    EXPECT_EQ(choice->reason, "view v is in the way");
  }
}

TEST(ReplaceStrategyTest, AutoRefusesWhatNeitherCanDo) {
  const absl::Status refused = Choose(ReplaceStrategy::kAuto, true, true).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetReason(refused), "DEPENDENT_OBJECTS");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("view v is in the way"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("rule r is in the way"));
  EXPECT_THAT(std::string(refused.message()), ::testing::Not(HasSubstr("set replace_strategy")));
  // A swap that would only be wrong can be requested.
  EXPECT_THAT(std::string(Choose(ReplaceStrategy::kAuto, true, true, true).status().message()),
              HasSubstr("set replace_strategy SWAP"));
}

TEST(ReplaceStrategyTest, RequestedStrategyIsTakenOrRefused) {
  EXPECT_EQ(Choose(ReplaceStrategy::kSwap, false, true)->strategy, ReplaceStrategy::kSwap);
  EXPECT_EQ(Choose(ReplaceStrategy::kInPlace, true, false)->strategy, ReplaceStrategy::kInPlace);
  EXPECT_EQ(Choose(ReplaceStrategy::kSwap, true, false, true)->strategy, ReplaceStrategy::kSwap);
  EXPECT_THAT(Choose(ReplaceStrategy::kSwap, true, false, true)->reason,
              HasSubstr("although view v"));
  const absl::Status swap = Choose(ReplaceStrategy::kSwap, true, false).status();
  EXPECT_EQ(GetDetail(swap).subject, "view v");
  EXPECT_THAT(std::string(swap.message()), HasSubstr("AUTO or IN_PLACE"));
  const absl::Status in_place = Choose(ReplaceStrategy::kInPlace, false, true).status();
  EXPECT_EQ(GetDetail(in_place).subject, "rule r");
  EXPECT_THAT(std::string(in_place.message()), HasSubstr("AUTO or SWAP"));
}

TEST(ReplaceStrategyTest, RewritesAreNotDoneInPlace) {
  const SchemaChange adds = {
      .kind = SchemaChange::Kind::kAddColumn, .column = "a", .from = "", .to = "bigint"};
  SchemaChange rewrites = {.kind = SchemaChange::Kind::kChangeType,
                           .column = "b",
                           .from = "bigint",
                           .to = "character varying",
                           .rewrites = true};
  EXPECT_FALSE(FindChangeObstacle(kUsers, {adds}, "").has_value());
  const auto type = FindChangeObstacle(kUsers, {adds, rewrites}, "");
  ASSERT_TRUE(type.has_value());
  EXPECT_THAT(type->ToString(), HasSubstr("column b"));
  EXPECT_THAT(type->ToString(), HasSubstr("from bigint to character varying"));
  rewrites.kind = SchemaChange::Kind::kAddColumn;
  EXPECT_THAT(FindChangeObstacle(kUsers, {rewrites}, "")->ToString(), HasSubstr("copying"));
}

TEST(ReplaceStrategyTest, TableOfAnotherRoleIsNotChanged) {
  const SchemaChange adds = {
      .kind = SchemaChange::Kind::kAddColumn, .column = "a", .from = "", .to = "bigint"};
  EXPECT_FALSE(FindChangeObstacle(kUsers, {}, "belongs to another role").has_value());
  EXPECT_THAT(FindChangeObstacle(kUsers, {adds}, "belongs to another role")->ToString(),
              HasSubstr("belongs to another role"));
}

}  // namespace
}  // namespace syncline

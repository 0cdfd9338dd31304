#include "server/model/publish_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Judge(const PublishGuard& guard, const PublishFigures& figures) {
  std::vector<std::string> texts;
  for (const GuardResult& result : EvaluateGuard(guard, figures)) {
    texts.push_back(absl::StrCat(result.name, " ", result.actual, "/", result.limit,
                                 result.passed ? "" : " refused"));
  }
  return texts;
}

TEST(PublishGuardTest, NoConditionPasses) { EXPECT_THAT(Judge({}, {}), IsEmpty()); }

TEST(PublishGuardTest, CountsTheResultingRows) {
  PublishGuard guard;
  guard.min_rows = 10;
  guard.max_shrink = 0.3;
  PublishFigures figures;
  figures.rows_now = 10;
  figures.rows_after = 7;
  EXPECT_THAT(Judge(guard, figures), ElementsAre("min_rows 7/10 refused", "max_shrink 0.3/0.3"));
  figures.rows_after = 6;
  EXPECT_THAT(Judge(guard, figures),
              ElementsAre("min_rows 6/10 refused", "max_shrink 0.4/0.3 refused"));
  figures.rows_after = 20;
  EXPECT_THAT(Judge(guard, figures), ElementsAre("min_rows 20/10", "max_shrink 0/0.3"));
}

TEST(PublishGuardTest, EmptyTableCannotShrink) {
  PublishGuard guard;
  guard.max_shrink = 0;
  EXPECT_THAT(Judge(guard, {}), ElementsAre("max_shrink 0/0"));
}

TEST(PublishGuardTest, SharesRelateToTheNewRows) {
  PublishGuard guard;
  guard.not_null = {{"email", 0.5}, {"name", 1}};
  PublishFigures figures;
  EXPECT_THAT(Judge(guard, figures), ElementsAre("not_null.email 1/0.5", "not_null.name 1/1"));
  figures.staged_rows = 8;
  figures.not_null = {{"email", 3}, {"name", 8}};
  EXPECT_THAT(Judge(guard, figures),
              ElementsAre("not_null.email 0.375/0.5 refused", "not_null.name 1/1"));
}

TEST(PublishGuardTest, CountsKeysRejectsAndNulls) {
  PublishGuard guard;
  guard.unique_key = true;
  guard.max_rejected = 0;
  guard.max_nulled = 2;
  PublishFigures figures;
  EXPECT_THAT(Judge(guard, figures),
              ElementsAre("unique_key 0/0", "max_rejected 0/0", "max_nulled 0/2"));
  figures.repeated_rows = 1;
  figures.rejected = 1;
  figures.nulled = 3;
  EXPECT_THAT(
      Judge(guard, figures),
      ElementsAre("unique_key 1/0 refused", "max_rejected 1/0 refused", "max_nulled 3/2 refused"));
}

std::vector<std::string> Faults(const PublishGuard& guard, bool has_key, bool appends) {
  TableSchema schema;
  schema.columns.push_back({"E Mail", "E_Mail", ColumnType::kVarchar, true});
  std::vector<std::string> fields;
  for (const auto& [field, text] : FindGuardFaults(guard, schema, has_key, appends)) {
    fields.push_back(field);
  }
  return fields;
}

TEST(PublishGuardTest, FindsUncheckableConditions) {
  PublishGuard guard;
  EXPECT_THAT(Faults(guard, false, true), IsEmpty());
  guard.not_null = {{"E Mail", 0.5}};
  guard.max_shrink = 1;
  EXPECT_THAT(Faults(guard, false, false), IsEmpty());
  guard.not_null = {{"E_Mail", 0.5}, {"E Mail", 1.5}};
  EXPECT_THAT(Faults(guard, false, false), ElementsAre("not_null[E Mail]", "not_null[E_Mail]"));
  guard = {};
  guard.min_rows = -1;
  guard.max_shrink = std::numeric_limits<double>::quiet_NaN();
  guard.max_rejected = -1;
  guard.max_nulled = -1;
  EXPECT_THAT(Faults(guard, false, false),
              ElementsAre("min_rows", "max_rejected", "max_nulled", "max_shrink"));
  guard = {};
  guard.unique_key = true;
  EXPECT_THAT(Faults(guard, false, false), ElementsAre("unique_key"));
  EXPECT_THAT(Faults(guard, true, false), IsEmpty());
}

TEST(PublishGuardTest, AppendAcceptsOnlyCountsOfRecords) {
  PublishGuard guard;
  guard.max_rejected = 1;
  guard.max_nulled = 1;
  EXPECT_THAT(Faults(guard, true, true), IsEmpty());
  guard.min_rows = 1;
  guard.max_shrink = 0.5;
  guard.not_null = {{"E Mail", 1}};
  guard.unique_key = true;
  guard.allow_empty = true;
  EXPECT_THAT(Faults(guard, true, true),
              ElementsAre("min_rows", "max_shrink", "not_null", "unique_key", "allow_empty"));
}

}  // namespace
}  // namespace syncline

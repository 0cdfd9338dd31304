// Rows that are read by the names of their columns.
#include "server/postgres/connection/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace syncline::postgres {
namespace {

using ::testing::ElementsAre;

// Two rows: all values, and NULLs.
Result TwoRows() {
  return Result({"id", "name", "done", "raw"},
                {{"7", "seven", "t", "\\x00ff"}, {"8", std::nullopt, std::nullopt, std::nullopt}},
                /*affected=*/2);
}

TEST(ResultTest, RowsAreReadByName) {
  const Result rows = TwoRows();
  const RowView row = rows.Row(0);
  EXPECT_EQ(row.Int("id"), 7);
  EXPECT_EQ(row.OptionalInt("id"), 7);
  EXPECT_EQ(row.Text("name"), "seven");
  EXPECT_TRUE(row.Bool("done"));
  EXPECT_EQ(row.Bytes("raw"), std::string("\0\xff", 2));
  EXPECT_FALSE(row.IsNull("raw"));
}

TEST(ResultTest, NullsReadAsEmptyValues) {
  const Result rows = TwoRows();
  const RowView row = rows.Row(1);
  EXPECT_TRUE(row.IsNull("name"));
  EXPECT_EQ(row.Text("name"), "");
  EXPECT_EQ(row.Int("name"), 0);
  EXPECT_EQ(row.OptionalInt("name"), std::nullopt);
  EXPECT_FALSE(row.Bool("done"));
  EXPECT_EQ(row.Bytes("raw"), "");
}

TEST(ResultTest, LoopVisitsEveryRowInOrder) {
  std::vector<int64_t> ids;
  const Result rows = TwoRows();
  for (const RowView row : rows) ids.push_back(row.Int("id"));
  EXPECT_THAT(ids, ElementsAre(7, 8));
  for (const RowView row : Result()) ids.push_back(row.Int("id"));
  EXPECT_EQ(ids.size(), 2u);
}

TEST(ResultDeathTest, UnknownNameEndsTheProcess) {
  const Result rows = TwoRows();
  EXPECT_DEATH(rows.Row(0).Int("nmae"),
               "unknown_column column=nmae found=0 columns=.?id,name,done,raw");
}

TEST(ResultDeathTest, RepeatedNameEndsTheProcess) {
  const Result rows({"name", "name"}, {{"a", "b"}}, /*affected=*/0);
  EXPECT_DEATH(rows.Row(0).Text("name"), "unknown_column column=name found=2");
}

}  // namespace
}  // namespace syncline::postgres

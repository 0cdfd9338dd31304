#include "server/model/table_columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <random>
#include <set>

#include "server/model/names.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST(AssignColumnsTest, StreamOwnsTheColumnsItCreates) {
  const ColumnAssignment assignment = AssignColumns({"id", "First Name"}, {}, {});
  EXPECT_THAT(assignment.columns, ElementsAre("id", "First_Name"));
  EXPECT_THAT(assignment.changed, ElementsAre(KnownColumn{"id", "id", true},
                                              KnownColumn{"First Name", "First_Name", true}));
}

TEST(AssignColumnsTest, UsesAUsersColumnWithTheName) {
  const ColumnAssignment assignment = AssignColumns({"note"}, {}, {"id", "note"});
  EXPECT_THAT(assignment.columns, ElementsAre("note"));
  EXPECT_THAT(assignment.changed, ElementsAre(KnownColumn{"note", "note", false}));
}

TEST(AssignColumnsTest, FirstPropertyKeepsTheColumnInAnyOrder) {
  for (const auto& [first, second] :
       {std::pair<std::string, std::string>{"a b", "a_b"}, {"a_b", "a b"}, {"a.b", "a-b"}}) {
    const std::vector<KnownColumn> known = {{first, "a_b", true}};
    const ColumnAssignment both = AssignColumns({first, second}, known, {"a_b"});
    EXPECT_EQ(both.columns[0], "a_b");
    EXPECT_THAT(both.columns[1], StartsWith("a_b_"));
    EXPECT_EQ(AssignColumns({second}, known, {"a_b"}).columns[0], both.columns[1]);
  }
  // Names that differ in case are distinct.
  EXPECT_THAT(AssignColumns({"Id", "id"}, {{"id", "id", true}}, {"id"}).columns,
              ElementsAre("Id", "id"));
}

TEST(AssignColumnsTest, HashAvoidsExistingColumns) {
  const std::vector<KnownColumn> known = {{"a b", "a_b", true}};
  const std::string first = AssignColumns({"a_b"}, known, {"a_b"}).columns[0];
  const std::string second = AssignColumns({"a_b"}, known, {"a_b", first}).columns[0];
  EXPECT_NE(first, second);
}

TEST(AssignColumnsTest, DroppedColumnIsNoLongerOwned) {
  const std::vector<KnownColumn> known = {{"id", "id", true}, {"old", "old", true}};
  EXPECT_THAT(AssignColumns({"id"}, known, {"id"}).changed,
              ElementsAre(KnownColumn{"old", "old", false}));
  // If it is declared again, it is created again.
  EXPECT_THAT(AssignColumns({"id", "old"}, known, {"id"}).changed, IsEmpty());
  EXPECT_THAT(AssignColumns({"old"}, {{"old", "old", false}}, {}).changed,
              ElementsAre(KnownColumn{"old", "old", true}));
  // If the user created it in the meantime, it belongs to the user.
  EXPECT_THAT(AssignColumns({"old"}, {{"old", "old", false}}, {"old"}).changed, IsEmpty());
}

// Random histories of catalogs and of users' columns: the column of a property never changes, and
// no two properties share a column.
TEST(AssignColumnsTest, ColumnsNeverChangeInRandomHistories) {
  const uint32_t seed = std::random_device{}();
  std::cout << "seed " << seed << std::endl;
  std::mt19937 random(seed);
  const std::vector<std::string> names = {"a b", "a_b", "a.b", "A_b", "\u00e1_b", "ctid",
                                          "c",   "C",   "x-y", "x_y", "_x_y",     "x y"};
  for (int history = 0; history < 500; ++history) {
    std::map<std::string, KnownColumn> ledger;
    std::set<std::string> existing;
    for (int sync = 0; sync < 6; ++sync) {
      std::vector<std::string> properties = names;
      std::shuffle(properties.begin(), properties.end(), random);
      properties.resize(1 + random() % names.size());
      if (random() % 3 == 0) existing.insert(NormalizeName(names[random() % names.size()]));
      std::vector<KnownColumn> known;
      for (const auto& [property, column] : ledger) known.push_back(column);
      const ColumnAssignment assignment = AssignColumns(properties, known, existing);
      std::set<std::string> distinct;
      for (size_t i = 0; i < properties.size(); ++i) {
        ASSERT_TRUE(distinct.insert(assignment.columns[i]).second);
        const auto entry = ledger.find(properties[i]);
        if (entry != ledger.end()) {
          ASSERT_EQ(entry->second.column_name, assignment.columns[i]);
        }
        existing.insert(assignment.columns[i]);
      }
      for (const KnownColumn& column : assignment.changed) ledger[column.input_name] = column;
      std::set<std::string> given;
      for (const auto& [property, column] : ledger) {
        ASSERT_TRUE(given.insert(column.column_name).second) << column.column_name;
      }
    }
  }
}

}  // namespace
}  // namespace syncline

#include "server/model/offset_ranges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <string>

#include "tests/support/random_seed.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using ::testing::ElementsAre;
using testing::StatusIs;

OffsetRanges Of(const std::vector<OffsetRange>& ranges) {
  OffsetRanges set;
  for (const OffsetRange& range : ranges) set.Add(range);
  return set;
}

TEST(OffsetRangesTest, IsEmptyInitially) {
  OffsetRanges set;
  EXPECT_TRUE(set.empty());
  EXPECT_EQ(set.DurableOffset(), 0);
  EXPECT_FALSE(set.Contains(0));
  EXPECT_EQ(set.ToMultirange(), "{}");
  set.Add({5, 5});
  EXPECT_TRUE(set.empty());
}

TEST(OffsetRangesTest, AdjacentRangesAreMerged) {
  EXPECT_THAT(Of({{0, 5}, {5, 9}}).ranges(), ElementsAre(OffsetRange{0, 9}));
  EXPECT_THAT(Of({{5, 9}, {0, 5}}).ranges(), ElementsAre(OffsetRange{0, 9}));
  EXPECT_THAT(Of({{0, 5}, {6, 9}, {5, 6}}).ranges(), ElementsAre(OffsetRange{0, 9}));
  EXPECT_THAT(Of({{0, 9}, {3, 4}}).ranges(), ElementsAre(OffsetRange{0, 9}));
  EXPECT_THAT(Of({{3, 4}, {6, 7}, {0, 9}}).ranges(), ElementsAre(OffsetRange{0, 9}));
}

TEST(OffsetRangesTest, DurableIsTheEndOfTheRangeFromZero) {
  EXPECT_EQ(Of({{3, 5}}).DurableOffset(), 0);
  EXPECT_EQ(Of({{0, 3}, {4, 6}}).DurableOffset(), 3);
  EXPECT_EQ(Of({{4, 6}, {0, 4}}).DurableOffset(), 6);
}

TEST(OffsetRangesTest, ContainsAndIntersectsAtTheEdges) {
  const OffsetRanges set = Of({{2, 4}, {7, 9}});
  EXPECT_FALSE(set.Contains(1));
  EXPECT_TRUE(set.Contains(2));
  EXPECT_TRUE(set.Contains(3));
  EXPECT_FALSE(set.Contains(4));
  EXPECT_FALSE(set.Intersects({4, 7}));
  EXPECT_TRUE(set.Intersects({4, 8}));
  EXPECT_FALSE(set.Intersects({0, 2}));
  EXPECT_FALSE(set.Intersects({9, 100}));
}

TEST(OffsetRangesTest, IsTheUnionInAnyOrder) {
  std::minstd_rand random(RandomSeed());
  for (int round = 0; round < 200; ++round) {
    OffsetRanges set;
    std::set<int64_t> numbers;
    for (int i = 0; i < 12; ++i) {
      const auto begin = static_cast<int64_t>(random() % 60);
      const auto end = begin + static_cast<int64_t>(random() % 9);
      set.Add({begin, end});
      for (int64_t n = begin; n < end; ++n) numbers.insert(n);
    }
    int64_t durable = 0;
    while (numbers.count(durable) > 0) ++durable;
    EXPECT_EQ(set.DurableOffset(), durable);
    for (int64_t n = 0; n < 70; ++n) EXPECT_EQ(set.Contains(n), numbers.count(n) > 0) << n;
    for (size_t i = 1; i < set.ranges().size(); ++i) {
      EXPECT_GT(set.ranges()[i].begin, set.ranges()[i - 1].end);
    }
    const auto read = OffsetRanges::FromMultirange(set.ToMultirange());
    ASSERT_OK(read);
    EXPECT_EQ(read->ranges(), set.ranges());
  }
}

TEST(OffsetRangesTest, MultirangeText) {
  EXPECT_EQ(Of({{7, 9}, {0, 5}}).ToMultirange(), "{[0,5),[7,9)}");
  ASSERT_OK_AND_ASSIGN(const OffsetRanges read, OffsetRanges::FromMultirange("{[0,5),[7,9)}"));
  EXPECT_EQ(read.ToMultirange(), "{[0,5),[7,9)}");
  for (const char* const text : {"", "{", "[0,5)", "{[0,5]}", "{[0,)}", "{[,5)}", "{(0,5)}",
                                 "{[0,5),}x", "{[0,5)[7,9)}", "{[a,5)}"}) {
    EXPECT_THAT(OffsetRanges::FromMultirange(text), StatusIs(absl::StatusCode::kInternal)) << text;
  }
}

}  // namespace
}  // namespace syncline

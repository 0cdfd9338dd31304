#include "server/write/load/row_offsets.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace syncline::write {
namespace {

// A sequence with gaps, as rejected and durable records leave them.
std::vector<int64_t> Sample() { return {3, 4, 5, 9, 10, 20, 7, 8}; }

std::vector<int64_t> ReadAll(const RowOffsets& offsets) {
  std::vector<int64_t> all;
  while (const std::optional<int64_t> offset = offsets.Get(all.size())) all.push_back(*offset);
  return all;
}

TEST(RowOffsetsTest, ReturnsWhatWasAppended) {
  RowOffsets offsets;
  EXPECT_EQ(offsets.Get(0), std::nullopt);
  for (const int64_t offset : Sample()) offsets.Append(offset);
  EXPECT_EQ(ReadAll(offsets), Sample());
  EXPECT_EQ(offsets.Get(8), std::nullopt);
  offsets.Clear();
  EXPECT_EQ(offsets.Get(0), std::nullopt);
}

TEST(RowOffsetsTest, ErasesEachRow) {
  for (size_t index = 0; index < Sample().size(); ++index) {
    RowOffsets offsets;
    for (const int64_t offset : Sample()) offsets.Append(offset);
    std::vector<int64_t> left = Sample();
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(index));
    offsets.Erase(index);
    EXPECT_EQ(ReadAll(offsets), left) << index;
    // The last row goes, too, and appending continues.
    offsets.Erase(left.size() - 1);
    left.pop_back();
    offsets.Append(100);
    left.push_back(100);
    EXPECT_EQ(ReadAll(offsets), left) << index;
  }
}

TEST(RowOffsetsTest, ErasesAllRows) {
  RowOffsets offsets;
  for (const int64_t offset : Sample()) offsets.Append(offset);
  for (size_t left = Sample().size(); left > 0; --left) offsets.Erase(left / 2);
  EXPECT_EQ(ReadAll(offsets), std::vector<int64_t>());
}

}  // namespace
}  // namespace syncline::write

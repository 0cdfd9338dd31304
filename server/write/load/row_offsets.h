// RowOffsets: the record numbers of the rows of a block, in the order of the rows. Rows whose
// numbers follow each other take the memory of one. Used by one thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace syncline::write {

class RowOffsets {
 public:
  // Adds the number of the next row.
  void Append(int64_t offset) {
    if (runs_.empty() || runs_.back().first + runs_.back().count != offset) {
      runs_.push_back({offset, 0});
    }
    ++runs_.back().count;
  }
  // Returns the number of the row of this index, or nullopt if there is no such row.
  std::optional<int64_t> Get(size_t index) const;
  // Removes the row of this index, which must exist.
  void Erase(size_t index);
  void Clear() { runs_.clear(); }

 private:
  struct Run {
    int64_t first = 0;
    int64_t count = 0;
  };

  std::vector<Run> runs_;
};

}  // namespace syncline::write

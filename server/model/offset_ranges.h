// OffsetRanges: a set of record numbers, stored as sorted, disjoint ranges that do not touch.
//
// Used for the records that a lane has buffered and for all records that are durable. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/offset_range.h"

namespace syncline {

class OffsetRanges {
 public:
  // Adds `range`, which may overlap the set. Cheap at the end of the set.
  void Add(OffsetRange range);

  bool Contains(int64_t offset) const;
  // Returns whether the set contains any number of `range`.
  bool Intersects(OffsetRange range) const;

  bool empty() const { return ranges_.empty(); }
  void Clear() { ranges_.clear(); }
  const std::vector<OffsetRange>& ranges() const { return ranges_; }

  // Returns the end of the range that begins at 0, or 0 if there is none.
  int64_t DurableOffset() const;

  // Returns the text of an int8multirange of PostgreSQL, such as "{[0,5),[7,9)}".
  std::string ToMultirange() const;
  // Parses the text of an int8multirange.
  // Errors: INTERNAL if the text is not an int8multirange of bounded ranges.
  static absl::StatusOr<OffsetRanges> FromMultirange(absl::string_view text);

 private:
  std::vector<OffsetRange> ranges_;
};

}  // namespace syncline

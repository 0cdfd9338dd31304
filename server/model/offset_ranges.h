// A set of record numbers, kept as sorted, disjoint, non-touching ranges.
//
// What a lane has buffered, and what lanes committed above the durable offset. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/plan.h"

namespace syncline {

class OffsetRanges {
 public:
  // Adds `range`; adding what is there already changes nothing. Cheap at the end of the set.
  void Add(OffsetRange range);

  bool Contains(int64_t offset) const;
  // True when some number of `range` is in the set.
  bool Intersects(OffsetRange range) const;

  bool empty() const { return ranges_.empty(); }
  void Clear() { ranges_.clear(); }
  const std::vector<OffsetRange>& ranges() const { return ranges_; }

  // The end of the range that begins at 0; 0 when there is none.
  int64_t DurableOffset() const;

  // PostgreSQL's int8multirange text, e.g. "{[0,5),[7,9)}".
  std::string ToMultirange() const;
  // Errors: INTERNAL for text that is no int8multirange of bounded ranges.
  static absl::StatusOr<OffsetRanges> FromMultirange(absl::string_view text);

 private:
  std::vector<OffsetRange> ranges_;
};

}  // namespace syncline

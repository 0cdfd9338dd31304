#include "server/write/load/row_offsets.h"

namespace syncline::write {

std::optional<int64_t> RowOffsets::Get(size_t index) const {
  auto left = static_cast<int64_t>(index);
  for (const Run& run : runs_) {
    if (left < run.count) return run.first + left;
    left -= run.count;
  }
  return std::nullopt;
}

void RowOffsets::Erase(size_t index) {
  auto left = static_cast<int64_t>(index);
  for (auto run = runs_.begin(); run != runs_.end(); ++run) {
    if (left >= run->count) {
      left -= run->count;
      continue;
    }
    const Run after = {run->first + left + 1, run->count - left - 1};
    run->count = left;
    if (after.count > 0) run = runs_.insert(run + 1, after) - 1;
    if (run->count == 0) runs_.erase(run);
    return;
  }
}

}  // namespace syncline::write

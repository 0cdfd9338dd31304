#include "client/line_index.h"

#include <algorithm>

namespace syncline::client {

void LineIndex::AddRun(int64_t record, int64_t line) {
  full_ = runs_.size() >= kMaxRuns;
  if (full_) return;
  runs_.push_back({record, line});
  end_ = record + 1;
}

std::optional<int64_t> LineIndex::FindLine(int64_t record) const {
  const auto after =
      std::upper_bound(runs_.begin(), runs_.end(), record,
                       [](int64_t number, const Run& run) { return number < run.record; });
  if (after == runs_.begin() || record >= end_) return std::nullopt;
  const Run& run = *(after - 1);
  return run.line + (record - run.record);
}

}  // namespace syncline::client

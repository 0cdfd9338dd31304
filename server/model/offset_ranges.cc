#include "server/model/offset_ranges.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace syncline {

void OffsetRanges::Add(OffsetRange range) {
  if (range.begin >= range.end) return;
  // Finds the first range that touches or follows the new one.
  auto first =
      std::lower_bound(ranges_.begin(), ranges_.end(), range.begin,
                       [](const OffsetRange& known, int64_t begin) { return known.end < begin; });
  auto last = first;
  while (last != ranges_.end() && last->begin <= range.end) {
    range.begin = std::min(range.begin, last->begin);
    range.end = std::max(range.end, last->end);
    ++last;
  }
  if (first == last) {
    ranges_.insert(first, range);
    return;
  }
  *first = range;
  ranges_.erase(first + 1, last);
}

bool OffsetRanges::Contains(int64_t offset) const { return Intersects({offset, offset + 1}); }

bool OffsetRanges::Intersects(OffsetRange range) const {
  const auto found =
      std::lower_bound(ranges_.begin(), ranges_.end(), range.begin,
                       [](const OffsetRange& known, int64_t begin) { return known.end <= begin; });
  return found != ranges_.end() && found->begin < range.end;
}

int64_t OffsetRanges::DurableOffset() const {
  return !ranges_.empty() && ranges_.front().begin == 0 ? ranges_.front().end : 0;
}

std::string OffsetRanges::ToMultirange() const {
  std::string text = "{";
  for (const OffsetRange& range : ranges_) {
    absl::StrAppend(&text, text.size() > 1 ? "," : "", "[", range.begin, ",", range.end, ")");
  }
  return text + "}";
}

absl::StatusOr<OffsetRanges> OffsetRanges::FromMultirange(absl::string_view text) {
  const absl::Status malformed = absl::InternalError(absl::StrCat("not an int8multirange: ", text));
  OffsetRanges parsed;
  if (!absl::ConsumePrefix(&text, "{") || !absl::ConsumeSuffix(&text, "}")) return malformed;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    const size_t close = text.find(')');
    OffsetRange range;
    if (text[0] != '[' || comma == absl::string_view::npos || close == absl::string_view::npos ||
        comma > close || !absl::SimpleAtoi(text.substr(1, comma - 1), &range.begin) ||
        !absl::SimpleAtoi(text.substr(comma + 1, close - comma - 1), &range.end)) {
      return malformed;
    }
    parsed.Add(range);
    text.remove_prefix(close + 1);
    if (!text.empty() && !absl::ConsumePrefix(&text, ",")) return malformed;
  }
  return parsed;
}

}  // namespace syncline

#include "server/dataflow/parse/column_slots.h"

#include <algorithm>

#include "base/json_scanner.h"
#include "server/dataflow/text/json_string.h"

namespace syncline::dataflow {

ColumnSlots::ColumnSlots(const TableSchema& schema) {
  for (const ColumnSchema& column : schema.columns) names_.push_back(column.input_name);
  for (size_t i = 0; i < names_.size(); ++i) {
    const std::string& name = names_[i];
    by_name_.emplace(name, static_cast<int>(i));
    const char* const end = name.data() + name.size();
    // No name starts with two quotes.
    guesses_.emplace_back(FindStringEvent(name.data(), end) == end ? name : "\"");
  }
  tokens_.resize(names_.size());
}

void ColumnSlots::Clear() {
  std::fill(tokens_.begin(), tokens_.end(), absl::string_view());
  undeclared_.clear();
  expected_ = 0;
}

int ColumnSlots::FindName(absl::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? kUndeclared : found->second;
}

int ColumnSlots::Lookup(const char* key, const char* end, ScratchArena* scratch) {
  bool escaped = false;
  const char* const behind = SkipString(key - 1, end, &escaped);
  if (behind == nullptr) return kMalformed;
  absl::string_view name(key, static_cast<size_t>(behind - 1 - key));
  if (escaped) name = Unescape(name, NulPolicy::kKeep, scratch).text;
  const int column = FindName(name);
  if (column >= 0) {
    expected_ = static_cast<size_t>(column) + 1;
  } else {
    undeclared_.push_back(name);
  }
  return column;
}

}  // namespace syncline::dataflow

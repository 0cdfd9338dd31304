// ColumnSlots: maps the fields of a record to columns, and holds the token of each column.
//
// Fields usually come in column order, so the column that follows the last match is tried first.
// Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "server/dataflow/parse/key_guess.h"
#include "server/dataflow/text/scratch_arena.h"
#include "server/model/table_schema.h"

namespace syncline::dataflow {

class ColumnSlots {
 public:
  static constexpr int kUndeclared = -1;
  static constexpr int kMalformed = -2;

  explicit ColumnSlots(const TableSchema& schema);

  ColumnSlots(const ColumnSlots&) = delete;
  ColumnSlots& operator=(const ColumnSlots&) = delete;

  // Clears the tokens and undeclared fields of the last record.
  void Clear();

  // Returns the column of the field whose JSON name begins at `key`, after the opening quote, in
  // text that ends at `end`. KeyGuess::kPadding bytes behind `end` are read. Returns kUndeclared if
  // no column matches, or kMalformed if the name is not a valid JSON string.
  int Find(const char* key, const char* end, ScratchArena* scratch) {
    if (expected_ < guesses_.size() && guesses_[expected_].Matches(key, end)) {
      return static_cast<int>(expected_++);
    }
    return Lookup(key, end, scratch);
  }

  // Returns the column of the property `name`, or kUndeclared.
  int FindName(absl::string_view name) const;

  // Names of the fields since Clear that match no column, in the order of the record.
  const std::vector<absl::string_view>& undeclared() const { return undeclared_; }

  // The token of each column. Its data is null if the record does not have the field.
  std::vector<absl::string_view>& tokens() { return tokens_; }

 private:
  int Lookup(const char* key, const char* end, ScratchArena* scratch);

  std::vector<std::string> names_;
  std::vector<KeyGuess> guesses_;  // that of a name that needs escapes never matches
  absl::flat_hash_map<absl::string_view, int> by_name_;  // keys point into names_
  std::vector<absl::string_view> tokens_;
  std::vector<absl::string_view> undeclared_;
  size_t expected_ = 0;
};

}  // namespace syncline::dataflow

// Which column a field of a record belongs to, and what the record says for each column.
//
// Fields mostly come in the order of the record before: the column behind the last one is tried
// first.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
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

  // Forgets the last record.
  void Clear();

  // The column of the field whose name stands, in JSON, from `key` on (behind the quote) within a
  // text that ends at `end`; kUndeclared, or kMalformed when the name is no JSON string.
  int Find(const char* key, const char* end, ScratchArena* scratch) {
    if (expected_ < guesses_.size()) {
      const absl::string_view guess = guesses_[expected_];
      if (static_cast<size_t>(end - key) > guess.size() && key[guess.size()] == '"' &&
          absl::string_view(key, guess.size()) == guess) {
        return static_cast<int>(expected_++);
      }
    }
    return Lookup(key, end, scratch);
  }

  // The column that is called so, or kUndeclared.
  int FindName(absl::string_view name) const;

  // Names of fields since Clear that are no column, as they come.
  const std::vector<absl::string_view>& undeclared() const { return undeclared_; }

  // The token of each column, with null data where the record has no such field.
  std::vector<absl::string_view>& tokens() { return tokens_; }

 private:
  int Lookup(const char* key, const char* end, ScratchArena* scratch);

  std::vector<std::string> names_;
  // The names as JSON writes them; one that needs escapes is never guessed: it holds a lone '"'
  // there, which no key has.
  std::vector<std::string> guesses_;
  absl::flat_hash_map<absl::string_view, int> by_name_;  // keys point into names_
  std::vector<absl::string_view> tokens_;
  std::vector<absl::string_view> undeclared_;
  size_t expected_ = 0;
};

}  // namespace syncline::dataflow

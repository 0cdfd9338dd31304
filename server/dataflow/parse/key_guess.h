// KeyGuess: the name of the field that probably comes next, compared by words.
//
// Nearly every field of a record comes where the last record had it. Immutable; any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/word.h"

namespace syncline::dataflow {

class KeyGuess {
 public:
  // Bytes that must be readable behind the text that is compared.
  static constexpr size_t kPadding = 16;

  // `name` must need no escapes in JSON.
  explicit KeyGuess(absl::string_view name);

  // Returns whether the JSON string whose opening quote precedes `key`, in text that ends at `end`,
  // is the name.
  bool Matches(const char* key, const char* end) const {
    const uint64_t differs = ((LoadWord(key) ^ words_[0]) & masks_[0]) |
                             ((LoadWord(key + sizeof(uint64_t)) ^ words_[1]) & masks_[1]);
    return differs == 0 && end - key >= static_cast<ptrdiff_t>(text_.size()) &&
           (text_.size() <= kPadding || absl::string_view(key, text_.size()) == text_);
  }

 private:
  std::string text_;  // the name and the closing quote
  // The first 16 bytes of the text. Bytes behind a shorter one are not compared.
  std::array<uint64_t, 2> words_{};
  std::array<uint64_t, 2> masks_{};
};

}  // namespace syncline::dataflow

#include "server/dataflow/parse/key_guess.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace syncline::dataflow {

KeyGuess::KeyGuess(absl::string_view name) : text_(absl::StrCat(name, "\"")) {
  std::array<char, kPadding> text{};
  std::array<char, kPadding> mask{};
  const size_t compared = std::min(text_.size(), kPadding);
  std::memcpy(text.data(), text_.data(), compared);
  std::memset(mask.data(), 0xff, compared);
  for (size_t i = 0; i < words_.size(); ++i) {
    words_[i] = LoadWord(text.data() + i * sizeof(uint64_t));
    masks_[i] = LoadWord(mask.data() + i * sizeof(uint64_t));
  }
}

}  // namespace syncline::dataflow

#include "server/dataflow/parse/key_guess.h"

#include <gtest/gtest.h>

#include <string>

namespace syncline::dataflow {
namespace {

// Returns whether a field whose key is `key` is the one that was guessed, in text that ends
// `short_of` bytes before the end of the key and its quote.
bool Matches(const std::string& name, const std::string& key, size_t short_of = 0) {
  const std::string text = key + "\"";
  const std::string padded = text + std::string(KeyGuess::kPadding, 'x');
  return KeyGuess(name).Matches(padded.data(), padded.data() + text.size() - short_of);
}

TEST(KeyGuessTest, MatchesItsNameOfAnyLength) {
  for (size_t size = 0; size <= 40; ++size) {
    std::string name;
    for (size_t i = 0; i < size; ++i) name += static_cast<char>('a' + i % 26);
    EXPECT_TRUE(Matches(name, name)) << name;
    EXPECT_FALSE(Matches(name, name + "a")) << name;
    EXPECT_FALSE(Matches(name, name, 1)) << "the text ends before the quote of " << name;
    EXPECT_FALSE(Matches(name, "a" + name)) << name;
    for (size_t i = 0; i < size; ++i) {
      std::string other = name;
      other[i] = '\xe4';
      EXPECT_FALSE(Matches(name, other)) << name << " at " << i;
      EXPECT_FALSE(Matches(name, name.substr(0, i))) << name << " at " << i;
    }
  }
}

}  // namespace
}  // namespace syncline::dataflow

#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace syncline {
namespace {

TEST(Utf8Test, RejectsInvalidCharacters) {
  EXPECT_TRUE(IsUtf8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x98\x80"));
  for (const char* const bytes : {"\xE9", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                  "\x80", "\xE0\x80\x80", "\xF0\x8F\xBF\xBF", "\xFF"}) {
    EXPECT_FALSE(IsUtf8(bytes));
    EXPECT_EQ(GetCharacterLength(bytes), 0U);
  }
}

// Every code point except the surrogates.
TEST(Utf8Test, AcceptsEveryCharacterThatItWrites) {
  for (uint32_t code_point = 0; code_point <= 0x10FFFF; ++code_point) {
    if (code_point == 0xD800) code_point = 0xE000;
    char character[4];
    const auto length = static_cast<size_t>(WriteUtf8(code_point, character) - character);
    ASSERT_EQ(GetCharacterLength(absl::string_view(character, length)), length) << code_point;
    // Neither a part of it nor the start of the next character belongs to it.
    ASSERT_EQ(GetCharacterLength(absl::string_view(character, length - 1)), 0U) << code_point;
    ASSERT_EQ(GetCharacterLength(std::string(character, length) + "\x80"), length) << code_point;
  }
}

TEST(Utf8Test, CutsBetweenCharacters) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
  const size_t starts[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6};
  for (size_t bytes = 0; bytes < text.size(); ++bytes) {
    EXPECT_EQ(CutAtCharacter(text, bytes), text.substr(0, starts[bytes])) << bytes;
  }
  EXPECT_EQ(CutAtCharacter(text, text.size()), text);
  EXPECT_EQ(CutAtCharacter(text, 100), text);
  EXPECT_EQ(CutAtCharacter("", 0), "");
}

TEST(Utf8Test, CutsOtherBytesNearTheLimit) {
  EXPECT_EQ(CutAtCharacter(std::string(20, '\x80'), 10).size(), 7U);
  EXPECT_EQ(CutAtCharacter(std::string(20, '\x80'), 2).size(), 0U);
  EXPECT_EQ(CutAtCharacter(std::string(20, '\xE9'), 10).size(), 10U);
}

TEST(Utf8Test, MakesAnyBytesUtf8OfALimitedSize) {
  EXPECT_EQ(ToUtf8("abc", 10), "abc");
  EXPECT_EQ(ToUtf8("abc", 2), "ab");
  EXPECT_EQ(ToUtf8("a\u00e4", 2), "a") << "a character is not divided";
  EXPECT_EQ(ToUtf8("a\xff\xc3", 10), "a\uFFFD\uFFFD");
  EXPECT_EQ(ToUtf8("\xff\xff", 5), "\uFFFD");
  EXPECT_EQ(ToUtf8("", 5), "");
}

}  // namespace
}  // namespace syncline

#include "base/digit_word.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <string>

#include "tests/support/random_seed.h"

namespace syncline {
namespace {

TEST(WordTest, ShortWordsHaveZerosBehindTheirCharacters) {
  const std::string text =
      "\x80\xff"
      "34567\x01";
  for (size_t size = 1; size <= text.size(); ++size) {
    const std::string exact = text.substr(0, size);  // the sanitizers see reads beyond it
    const uint64_t word = LoadShortWord(exact.data(), size);
    for (size_t i = 0; i < 8; ++i) {
      const auto byte = static_cast<uint8_t>(word >> (8 * i));
      EXPECT_EQ(byte, i < size ? static_cast<uint8_t>(text[i]) : 0) << size << ", byte " << i;
    }
  }
  EXPECT_EQ(LoadWord(text.data()), LoadShortWord(text.data(), 8));
}

// Every byte at every position, between bytes that are as large as possible without being found.
TEST(WordTest, FindsBytesAboveTheirMaximum) {
  for (const int max : {0, 9, 0x7f}) {
    const uint64_t limit = RepeatByte(static_cast<uint8_t>(max));
    for (int position = 0; position < 64; position += 8) {
      for (int byte = 0; byte < 256; ++byte) {
        const uint64_t others = limit & ~(uint64_t{0xff} << position);
        const uint64_t expected = byte > max ? uint64_t{0x80} << position : 0;
        EXPECT_EQ(FindBytesAbove(others | uint64_t{static_cast<uint8_t>(byte)} << position, limit),
                  expected)
            << byte << " above " << max << " at bit " << position;
      }
    }
  }
}

TEST(DigitWordTest, ReadsEightDigits) {
  std::mt19937 random(RandomSeed());
  for (int i = 0; i < 100000; ++i) {
    const auto number = static_cast<uint32_t>(random() % 100000000);
    char text[9];
    std::snprintf(text, sizeof(text), "%08u", number);
    ASSERT_EQ(ReadEightDigits(LoadWord(text) ^ RepeatByte('0')), number);
  }
}

TEST(DigitFormTest, ReadsPairs) {
  constexpr DigitForm kForm("00:00-00");
  DigitPairs pairs;
  ASSERT_TRUE(kForm.Match("09:99-10", &pairs));
  EXPECT_EQ(pairs.At(0), 9);
  EXPECT_EQ(pairs.At(3), 99);
  EXPECT_EQ(pairs.At(6), 10);
}

TEST(DigitFormTest, MatchesOnlyItsForm) {
  constexpr DigitForm kForm("00:00-00");
  const std::string text = "09:19-29";
  for (size_t position = 0; position < text.size(); ++position) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[position] = static_cast<char>(byte);
      const bool digit = byte >= '0' && byte <= '9';
      const bool fits = position == 2 ? byte == ':' : position == 5 ? byte == '-' : digit;
      DigitPairs pairs;
      EXPECT_EQ(kForm.Match(changed.data(), &pairs), fits) << changed;
    }
  }
}

}  // namespace
}  // namespace syncline

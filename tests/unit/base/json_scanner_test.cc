#include "base/json_scanner.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <utility>

namespace syncline {
namespace {

// Returns what `skip` leaves of `text`, or "invalid".
template <typename Skip>
std::string RestAfter(const std::string& text, Skip skip) {
  const char* const end = text.data() + text.size();
  const char* const behind = skip(text.data(), end);
  return behind == nullptr ? "invalid" : std::string(behind, end);
}

TEST(JsonScannerTest, NumberEndsWhereItsGrammarEnds) {
  const auto rest = [](const std::string& text) { return RestAfter(text, SkipJsonNumber); };
  for (const char* const number :
       {"0", "-0", "12345678901234567890.10", "1.50", "1e5", "-1.5E+7"}) {
    EXPECT_EQ(rest(number), "");
    EXPECT_EQ(rest(std::string(number) + ",2"), ",2");
  }
  EXPECT_EQ(rest("01"), "1");
  EXPECT_EQ(rest("1.5.5"), ".5");
  for (const char* const other : {"", "-", "+1", ".5", "1.", "1e", "1e+", "a", "-a"}) {
    EXPECT_EQ(rest(other), "invalid") << other;
  }
}

TEST(JsonScannerTest, StringEndsAtItsQuote) {
  bool escaped = false;
  const auto rest = [&escaped](const std::string& text) {
    return RestAfter(text, [&escaped](const char* begin, const char* end) {
      return SkipString(begin, end, &escaped);
    });
  };
  EXPECT_EQ(rest(R"("plain \ text"!)"), "invalid");
  EXPECT_EQ(rest(R"("some text of more than sixteen bytes"!)"), "!");
  EXPECT_FALSE(escaped);
  EXPECT_EQ(rest(R"("\"\\\/\b\f\n\r\t\u00e9"!)"), "!");
  EXPECT_TRUE(escaped);
  for (const char* const other :
       {"\"", "\"a", "\"\\", "\"\\\"", "\"\n\"", R"("\q")", R"("\u12")"}) {
    EXPECT_EQ(rest(other), "invalid") << other;
  }
}

TEST(JsonScannerTest, UncheckedStringHasAnyEscape) {
  const auto rest = [](const std::string& text) { return RestAfter(text, SkipStringUnchecked); };
  EXPECT_EQ(rest(R"("\q\u12\"\\"!)"), "!");
  EXPECT_EQ(rest("\"\\\n\"!"), "!");
  for (const char* const other : {"\"", "\"a", "\"\\", "\"\\\"", "\"\n\""}) {
    EXPECT_EQ(rest(other), "invalid") << other;
  }
}

TEST(JsonScannerTest, SurrogatePairIsOneEscape) {
  const auto read = [](const std::string& text) {
    const Escape escape = ReadEscape(text.data(), text.data() + text.size());
    EXPECT_NE(escape.next, nullptr) << text;
    return std::make_pair(escape.code_point, escape.next - text.data());
  };
  EXPECT_EQ(read(R"(ud83d\ude00)"), std::make_pair(0x1F600U, ptrdiff_t{11}));
  EXPECT_EQ(read(R"(uD83Dx)"), std::make_pair(0xFFFDU, ptrdiff_t{5}));
  EXPECT_EQ(read(R"(ud83d\u0041)"), std::make_pair(0xFFFDU, ptrdiff_t{5}));
  EXPECT_EQ(read(R"(ude00\ud83d)"), std::make_pair(0xFFFDU, ptrdiff_t{5}));
  EXPECT_EQ(read("u00E9"), std::make_pair(0xE9U, ptrdiff_t{5}));
}

}  // namespace
}  // namespace syncline

#include "server/dataflow/parse/decimal_print.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>

#include "tests/support/random_seed.h"

namespace syncline::dataflow {
namespace {

std::string Short(double number) {
  ScratchArena scratch;
  return std::string(PrintShortDecimal(number, &scratch));
}

// The shortest decimal without an exponent that is read as `number`.
std::string Shortest(double number) {
  char text[400];
  return std::string(
      text, std::to_chars(text, text + sizeof(text), number, std::chars_format::fixed).ptr);
}

TEST(PrintShortDecimalTest, PrintsShortestDecimal) {
  EXPECT_EQ(Short(0), "0");
  EXPECT_EQ(Short(-0.0), "0") << "numeric has no negative zero";
  EXPECT_EQ(Short(7), "7");
  EXPECT_EQ(Short(-12), "-12");
  EXPECT_EQ(Short(1e6), "1000000");
  EXPECT_EQ(Short(0.5), "0.5");
  EXPECT_EQ(Short(0.29), "0.29");
  EXPECT_EQ(Short(-0.3), "-0.3");
  EXPECT_EQ(Short(0.000001), "0.000001");
  EXPECT_EQ(Short(-1234.000005), "-1234.000005");
  EXPECT_EQ(Short(999999999999999), "999999999999999");
  EXPECT_EQ(Short(123456789.123456), "123456789.123456");
}

TEST(PrintShortDecimalTest, LeavesOtherNumbers) {
  for (const double number :
       {1.0 / 3, 0.1 + 0.2, 1e-7, 0.0000015, 1e15, 1e300, -4.9e-324, 1234567890.1234567,
        std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_EQ(Short(number), "") << number;
  }
}

TEST(PrintShortDecimalTest, AgreesWithStandardLibrary) {
  std::mt19937_64 random(RandomSeed());
  const auto check = [](double number) {
    const std::string text = Short(number);
    if (text.empty() || number == 0) return;
    ASSERT_EQ(text, Shortest(number));
  };
  constexpr int kNumbers = 200000;
  for (int i = 0; i < kNumbers; ++i) {
    // A decimal with 1 to 15 digits and up to six places, which must be printed, and its
    // neighbours.
    std::string text = std::to_string(1 + random() % 9);
    for (uint64_t more = random() % 15; more > 0; --more) text += std::to_string(random() % 10);
    const size_t places = std::min<size_t>(random() % 7, text.size() - 1);
    text.insert(text.size() - places, places > 0 ? "." : "");
    const double number = std::strtod(text.c_str(), nullptr) * (random() % 2 == 0 ? 1 : -1);
    ASSERT_NE(Short(number), "") << text;
    check(number);
    check(std::nextafter(number, 1e300));
    check(std::nextafter(number, -1e300));
    check(std::bit_cast<double>(random()));
    check(static_cast<double>(random()) / 1e9);
    check(static_cast<double>(static_cast<float>(number)));
  }
}

}  // namespace
}  // namespace syncline::dataflow

#include "server/postgres/copy/numeric_encoder.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "tests/support/random_seed.h"

namespace syncline::postgres {
namespace {

std::string Encode(const std::string& text) {
  ByteBuffer out(64 << 10);
  EncodeNumeric(Value::Text(text), &out);
  return std::string(reinterpret_cast<const char*>(out.data()), out.size());
}

// Short numbers are read by words, and numbers with an exponent digit by digit. (What PostgreSQL
// makes of the same texts is in copy_golden_test.)
TEST(EncodeNumericTest, NumbersOfAllLengthsAreReadAlike) {
  std::mt19937 random(RandomSeed());
  for (int i = 0; i < 200000; ++i) {
    const size_t digits = 1 + random() % 20;
    std::string text;
    for (size_t d = 0; d < digits; ++d) {
      // Many zeros, because groups of zeros are left out.
      text += random() % 2 == 0 ? '0' : static_cast<char>('0' + random() % 10);
    }
    if (digits > 1 && random() % 4 != 0) text.insert(1 + random() % (digits - 1), ".");
    if (random() % 2 == 0) text.insert(0, "-");
    ASSERT_EQ(Encode(text), Encode(text + "e0")) << text;
  }
}

}  // namespace
}  // namespace syncline::postgres

#include "base/hex.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "absl/strings/escaping.h"

namespace syncline {
namespace {

TEST(HexTest, EveryByteInEitherCase) {
  std::string bytes;
  for (int byte = 0; byte < 256; ++byte) bytes.push_back(static_cast<char>(byte));
  const std::string digits = absl::BytesToHexString(bytes);
  EXPECT_EQ(HexToBytes(digits), bytes);
  EXPECT_EQ(HexToBytes("aBCdeF09"), HexToBytes("ABcDEf09"));
  EXPECT_EQ(HexToBytes("aBCdeF09"), "\xab\xcd\xef\x09");
}

TEST(HexTest, EveryDigitHasAValue) {
  const std::string lower = "0123456789abcdef";
  const std::string upper = "0123456789ABCDEF";
  for (int c = 0; c < 256; ++c) {
    const auto digit = static_cast<char>(c);
    const size_t at = std::min(lower.find(digit), upper.find(digit));
    EXPECT_EQ(GetHexValue(digit), at == std::string::npos ? -1 : static_cast<int>(at)) << c;
  }
}

TEST(HexTest, RejectsOtherCharacters) {
  EXPECT_EQ(HexToBytes(""), "");
  EXPECT_EQ(HexToBytes("4"), "");
  EXPECT_EQ(HexToBytes("414"), "A");
  EXPECT_EQ(HexToBytes("z1"), "\x01");
}

}  // namespace
}  // namespace syncline

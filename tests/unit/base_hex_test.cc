#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "base/hex.h"

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

TEST(HexTest, RejectsOtherCharacters) {
  EXPECT_EQ(HexToBytes(""), "");
  EXPECT_EQ(HexToBytes("4"), "");
  EXPECT_EQ(HexToBytes("414"), "A");
  EXPECT_EQ(HexToBytes("z1"), "\x01");
}

}  // namespace
}  // namespace syncline

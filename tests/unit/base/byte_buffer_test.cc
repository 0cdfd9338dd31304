#include "base/byte_buffer.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/escaping.h"

namespace syncline {
namespace {

std::string Hex(const ByteBuffer& buffer) { return absl::BytesToHexString(buffer.view()); }

TEST(ByteBufferTest, NumbersAreBigEndian) {
  ByteBuffer buffer;
  buffer.AppendByte('\x7f');
  buffer.AppendInt16(0x0102);
  buffer.AppendInt16(-1);
  buffer.AppendInt32(0x01020304);
  buffer.AppendInt32(-2);
  buffer.AppendInt64(0x0102030405060708);
  buffer.AppendInt64(INT64_MIN);
  EXPECT_EQ(Hex(buffer),
            "7f"
            "0102"
            "ffff"
            "01020304"
            "fffffffe"
            "0102030405060708"
            "8000000000000000");
}

TEST(ByteBufferTest, AppendKeepsEveryByte) {
  ByteBuffer buffer;
  buffer.Append("");
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.Append(absl::string_view("a\0b\xff", 4));
  buffer.Append(absl::string_view());
  EXPECT_EQ(Hex(buffer), "610062ff");
}

TEST(ByteBufferTest, GrowthKeepsContents) {
  ByteBuffer buffer;
  std::string expected;
  for (int i = 0; i < 20000; ++i) {
    const std::string piece(static_cast<size_t>(i % 17), static_cast<char>('a' + i % 26));
    buffer.Append(piece);
    expected += piece;
  }
  EXPECT_EQ(buffer.size(), expected.size());
  EXPECT_EQ(std::string(buffer.view()), expected);
  EXPECT_GE(buffer.capacity(), buffer.size());
}

TEST(ByteBufferTest, GrowthIsGeometric) {
  ByteBuffer buffer;
  int growths = 0;
  size_t capacity = 0;
  for (int i = 0; i < 1000000; ++i) {
    buffer.AppendByte('x');
    if (buffer.capacity() != capacity) ++growths;
    capacity = buffer.capacity();
  }
  EXPECT_LT(growths, 40);
}

TEST(ByteBufferTest, ReserveAndAdvance) {
  ByteBuffer buffer(16);
  char* to = buffer.Reserve(1000);
  std::memset(to, 'z', 1000);
  EXPECT_EQ(buffer.size(), 0u);
  buffer.Advance(3);
  EXPECT_EQ(std::string(buffer.view()), "zzz");
}

TEST(ByteBufferTest, TruncateRestoresEarlierSize) {
  ByteBuffer buffer;
  buffer.Append("row one");
  const size_t mark = buffer.size();
  buffer.Append("bad");
  buffer.Truncate(mark);
  buffer.Append("!");
  EXPECT_EQ(std::string(buffer.view()), "row one!");
  buffer.Truncate(0);
  EXPECT_TRUE(buffer.empty());
}

TEST(ByteBufferTest, ClearKeepsMemoryAndResetFreesIt) {
  ByteBuffer buffer(4096);
  buffer.Append("abc");
  buffer.Clear();
  EXPECT_TRUE(buffer.empty());
  EXPECT_GE(buffer.capacity(), 4096u);
  buffer.Reset();
  EXPECT_EQ(buffer.capacity(), 0u);
  buffer.AppendInt32(1);
  EXPECT_EQ(Hex(buffer), "00000001");
}

TEST(ByteBufferTest, PatchOverwritesFourBytes) {
  ByteBuffer buffer;
  buffer.AppendByte('a');
  buffer.AppendInt32(0);
  buffer.AppendByte('b');
  buffer.PatchInt32(1, -3);
  EXPECT_EQ(Hex(buffer), "61fffffffd62");
}

TEST(ByteBufferTest, MoveLeavesAnEmptyUsableBuffer) {
  ByteBuffer from;
  from.Append("abc");
  ByteBuffer to(std::move(from));
  EXPECT_EQ(std::string(to.view()), "abc");
  EXPECT_EQ(from.size(), 0u);  // NOLINT: the state of a moved-from buffer is tested
  EXPECT_EQ(from.capacity(), 0u);
  from.Append("x");
  to = std::move(from);
  EXPECT_EQ(std::string(to.view()), "x");
}

}  // namespace
}  // namespace syncline

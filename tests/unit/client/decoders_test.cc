// Compressed and encoded input: everything is read exactly, or the error names what is wrong and
// where; nothing is cut silently.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/sources/compression.h"
#include "client/sources/encoded_bytes.h"
#include "client/sources/peeked_bytes.h"
#include "client/sources/text_encoding.h"
#include "tests/support/compressed_data.h"
#include "tests/support/random_seed.h"
#include "tests/support/text_bytes.h"

namespace syncline::client {
namespace {

using syncline::testing::Compress;
using syncline::testing::ReadAll;
using syncline::testing::TextBytes;
using ::testing::HasSubstr;

constexpr Compression kCompressions[] = {Compression::kGzip, Compression::kZstd,
                                         Compression::kBzip2, Compression::kXz};

std::string SomeText(int lines) {
  std::string text;
  for (int i = 0; i < lines; ++i) absl::StrAppend(&text, i, ",name ", i * 7919 % 1000, "\n");
  return text;
}

std::string ReadCompressed(Compression compression, const std::string& data, size_t piece = 4096) {
  TextBytes stored(data, piece);
  return ReadAll(Decompress(compression, &stored).get());
}

TEST(DecompressTest, ReadsEveryFormatInAnyPieces) {
  const std::string text = SomeText(3000);
  for (const Compression compression : kCompressions) {
    const std::string data = Compress(compression, text);
    ASSERT_LT(data.size(), text.size());
    EXPECT_EQ(FindCompression(data), compression);
    for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}, data.size()}) {
      EXPECT_EQ(ReadCompressed(compression, data, piece), text) << CompressionName(compression);
    }
    EXPECT_EQ(ReadCompressed(compression, Compress(compression, "")), "")
        << CompressionName(compression);
  }
}

TEST(DecompressTest, ReadsConcatenatedData) {
  const std::string text = SomeText(100);
  for (const Compression compression : kCompressions) {
    const std::string data = Compress(compression, text);
    EXPECT_EQ(ReadCompressed(compression, data + data + data, 13), text + text + text)
        << CompressionName(compression);
  }
}

// Every proper prefix is an error that says so.
TEST(DecompressTest, NamesCutData) {
  const std::string text = SomeText(40);
  for (const Compression compression : kCompressions) {
    const std::string data = Compress(compression, text);
    for (size_t length = 10; length < data.size(); ++length) {
      const std::string read = ReadCompressed(compression, data.substr(0, length));
      EXPECT_THAT(read, HasSubstr(absl::StrCat("error: the ", CompressionName(compression),
                                               " data is cut: the file ends inside the compressed "
                                               "stream at byte ")))
          << length << " of " << data.size();
    }
  }
}

TEST(DecompressTest, NamesOtherDataThatFollows) {
  const std::string text = SomeText(40);
  for (const Compression compression : kCompressions) {
    const std::string data = Compress(compression, text);
    const std::string read = ReadCompressed(compression, data + "id,name\n");
    EXPECT_THAT(read, HasSubstr("error: ")) << CompressionName(compression);
    EXPECT_THAT(read, HasSubstr(" byte ")) << CompressionName(compression);
  }
  const std::string gzip = Compress(Compression::kGzip, text);
  EXPECT_EQ(ReadCompressed(Compression::kGzip, gzip + std::string(512, '\0')), text)
      << "gzip data may be padded";
  EXPECT_THAT(ReadCompressed(Compression::kGzip, gzip + std::string(9, '\0') + "x"),
              HasSubstr("is followed by other data at byte"));
}

TEST(DecompressTest, NamesAWrongChecksum) {
  const std::string text = SomeText(40);
  std::string data = Compress(Compression::kGzip, text);
  data[data.size() - 8] = static_cast<char>(data[data.size() - 8] ^ 1);
  EXPECT_THAT(ReadCompressed(Compression::kGzip, data),
              HasSubstr("error: the gzip data is damaged (incorrect data check) at byte "));
}

// One changed bit never gives other text without an error. The zstd data has no checksum.
TEST(DecompressTest, FindsDamageAnywhere) {
  std::mt19937_64 random(syncline::RandomSeed());
  const std::string text = SomeText(400);
  for (const Compression compression :
       {Compression::kGzip, Compression::kBzip2, Compression::kXz}) {
    const std::string data = Compress(compression, text);
    for (int i = 0; i < 300; ++i) {
      std::string damaged = data;
      const size_t at = random() % data.size();
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
      const std::string read = ReadCompressed(compression, damaged, 1 + random() % 500);
      EXPECT_TRUE(read == text || absl::StrContains(read, "error: "))
          << CompressionName(compression) << " byte " << at;
    }
  }
}

TEST(FindCompressionTest, DoesNotTakeTextForCompressedData) {
  for (const char* const text : {"", "BZh,name\n", "BZh91AY,x", "(\xB5", "id,name\n", "\x1F\x8B"}) {
    EXPECT_EQ(FindCompression(text), Compression::kNone) << text;
  }
}

TEST(PeekedBytesTest, ShowsAPartThatDependsOnlyOnTheInput) {
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{100}}) {
    const auto peek = [piece](size_t bytes, int64_t lines, bool* whole) {
      TextBytes text("a\nbb\nccc", piece);
      PeekedBytes peeked(&text);
      const std::string head(*peeked.Peek(bytes, lines, whole));
      EXPECT_EQ(ReadAll(&peeked, 2), "a\nbb\nccc");
      return head;
    };
    bool whole = true;
    EXPECT_EQ(peek(100, 2, &whole), "a\nbb\n");
    EXPECT_FALSE(whole);
    EXPECT_EQ(peek(4, 2, &whole), "a\nbb");
    EXPECT_FALSE(whole);
    EXPECT_EQ(peek(100, 5, &whole), "a\nbb\nccc");
    EXPECT_TRUE(whole);
  }
}

std::string Converted(const std::string& encoding, const std::string& text, size_t piece) {
  TextBytes source(text, piece);
  auto converted = EncodedBytes::Create(encoding, &source);
  if (!converted.ok()) return std::string(converted.status().message());
  return ReadAll(converted->get(), 7);
}

TEST(EncodedBytesTest, ConvertsInAnyPieces) {
  using Bytes = std::string;
  for (const size_t piece : {size_t{1}, size_t{3}, size_t{100}}) {
    EXPECT_EQ(Converted("LATIN1", "pr\xE9nom,n\xBA\n", piece), "prénom,nº\n");
    EXPECT_EQ(Converted("CP1252", "\x80 5\x85", piece), "€ 5…");
    EXPECT_EQ(Converted("UTF-16LE", Bytes("a\0\xE9\0\x3D\xD8\0\xDE\n\0", 10), piece), "aé😀\n");
    EXPECT_EQ(Converted("UTF-16BE", Bytes("\0a\0\xE9\xD8\x3D\xDE\0\0\n", 10), piece), "aé😀\n");
  }
}

TEST(EncodedBytesTest, NamesTheLineAndTheByte) {
  using Bytes = std::string;
  EXPECT_THAT(Converted("UTF-16LE", Bytes("a\0\n\0b", 5), 2),
              HasSubstr("error: the text is not UTF-16LE: it ends inside a character on line 2, "
                        "byte 5 of the text"));
  EXPECT_THAT(Converted("UTF-16LE",
                        Bytes("a\0\n\0\x00\xDC"
                              "b\0",
                              8),
                        100),
              HasSubstr("there is no such character on line 2, byte 5"));
  EXPECT_THAT(Converted("klingon", "", 1), HasSubstr("the encoding klingon is not known"));
}

TEST(TextEncodingTest, FindsMarksAndNuls) {
  using Bytes = absl::string_view;
  EXPECT_EQ(FindMarkedEncoding("\xEF\xBB\xBFid"), "UTF-8");
  EXPECT_EQ(FindMarkedEncoding("\xFF\xFEi"), "UTF-16LE");
  EXPECT_EQ(FindMarkedEncoding("\xFE\xFFi"), "UTF-16BE");
  EXPECT_EQ(FindMarkedEncoding(Bytes("\xFF\xFE\0\0", 4)), "UTF-32LE");
  EXPECT_EQ(FindMarkedEncoding("id"), "");
  EXPECT_EQ(FindUnmarkedWideEncoding(Bytes("i\0d\0", 4)), "UTF-16LE");
  EXPECT_EQ(FindUnmarkedWideEncoding(Bytes("\0i\0d", 4)), "UTF-16BE");
  EXPECT_EQ(FindUnmarkedWideEncoding(Bytes("i\0dx", 4)), "");
  EXPECT_EQ(NormalizeEncodingName("iso-8859-1"), "LATIN1");
  EXPECT_EQ(NormalizeEncodingName("windows-1252"), "CP1252");
}

}  // namespace
}  // namespace syncline::client

#include "client/sources/compression.h"

#include "absl/strings/match.h"
#include "client/sources/archive_bytes.h"
#include "client/sources/gzip_bytes.h"

namespace syncline::client {
namespace {

// A frame of data, or a skippable frame, which may precede it.
bool IsZstd(absl::string_view head) {
  if (head.size() < 4) return false;
  if (absl::StartsWith(head, "\x28\xB5\x2F\xFD")) return true;
  return (static_cast<unsigned char>(head[0]) & 0xF0) == 0x50 &&
         head.substr(1, 3) == "\x2A\x4D\x18";
}

// The level, and the mark of a block or of the end of an empty stream.
bool IsBzip2(absl::string_view head) {
  if (head.size() < 10 || !absl::StartsWith(head, "BZh") || head[3] < '1' || head[3] > '9') {
    return false;
  }
  const absl::string_view mark = head.substr(4, 6);
  return mark == "\x31\x41\x59\x26\x53\x59" || mark == "\x17\x72\x45\x38\x50\x90";
}

}  // namespace

Compression FindCompression(absl::string_view head) {
  if (absl::StartsWith(head, "\x1F\x8B\x08")) return Compression::kGzip;
  if (IsZstd(head)) return Compression::kZstd;
  if (IsBzip2(head)) return Compression::kBzip2;
  if (absl::StartsWith(head, absl::string_view("\xFD"
                                               "7zXZ\0",
                                               6)))
    return Compression::kXz;
  return Compression::kNone;
}

absl::string_view CompressionName(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
    case Compression::kBzip2:
      return "bzip2";
    case Compression::kXz:
      return "xz";
  }
  return "";
}

std::unique_ptr<ByteSource> Decompress(Compression compression, ByteSource* source) {
  switch (compression) {
    case Compression::kNone:
      return nullptr;
    case Compression::kGzip:
      return std::make_unique<GzipBytes>(source);
    case Compression::kZstd:
    case Compression::kBzip2:
    case Compression::kXz:
      return std::make_unique<ArchiveBytes>(compression, source);
  }
  return nullptr;
}

}  // namespace syncline::client

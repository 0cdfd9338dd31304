// Recognizes compressed input by its first bytes and decompresses it. Pure functions; any thread.
#pragma once

#include <cstddef>
#include <memory>

#include "absl/strings/string_view.h"
#include "client/sources/byte_source.h"

namespace syncline::client {

enum class Compression { kNone, kGzip, kZstd, kBzip2, kXz };

// Bytes at the start of the input that FindCompression needs.
inline constexpr size_t kCompressionHeadBytes = 10;

// Returns how the input that begins with `head` is compressed.
Compression FindCompression(absl::string_view head);

// Returns "gzip", "zstd", "bzip2" or "xz", or an empty string for kNone.
absl::string_view CompressionName(Compression compression);

// Returns a source of the decompressed bytes of `source`, which must outlive it, or null for kNone.
// Memory is bounded by the format: a window of at most 128 MiB for zstd and of 1 GiB for xz. The
// source's errors are INVALID_ARGUMENT with the position in the compressed data: data that is
// damaged or has a wrong checksum, data that ends inside the compressed stream, and bytes that
// follow its end.
std::unique_ptr<ByteSource> Decompress(Compression compression, ByteSource* source);

}  // namespace syncline::client

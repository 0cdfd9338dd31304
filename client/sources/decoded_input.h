// A descriptor's text in UTF-8: finds by the first bytes how it is compressed and encoded, and
// undoes both. For use by one thread.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/sources/byte_source.h"
#include "client/sources/compression.h"
#include "client/sources/descriptor_bytes.h"
#include "client/sources/encoded_bytes.h"
#include "client/sources/peeked_bytes.h"

namespace syncline::client {

class DecodedInput {
 public:
  // Reads the first bytes of `fd`, which it does not own. `encoding` is a name of iconv, or empty:
  // UTF-8 unless a byte order mark states another one. `file` is used in messages. Errors:
  // INVALID_ARGUMENT for UTF-16 without a byte order mark, an unknown encoding, and formats that
  // are not text; CANCELLED if the user interrupts; those of reading.
  static absl::StatusOr<std::unique_ptr<DecodedInput>> Open(int fd, const std::string& encoding,
                                                            const std::string& file);

  // Returns the text, from its start.
  PeekedBytes* text() { return text_.get(); }
  Compression compression() const { return compression_; }
  // Returns the encoding that is converted to UTF-8, or an empty string.
  const std::string& encoding() const { return encoding_; }

 private:
  explicit DecodedInput(int fd) : descriptor_(fd), stored_(&descriptor_) {}

  absl::Status Decompress(const std::string& encoding, const std::string& file);
  absl::Status Convert(const std::string& encoding);

  // Each reads from the one before it.
  DescriptorBytes descriptor_;
  PeekedBytes stored_;
  Compression compression_ = Compression::kNone;
  std::unique_ptr<ByteSource> decompressed_;
  std::unique_ptr<PeekedBytes> content_;
  std::string encoding_;
  std::unique_ptr<EncodedBytes> converted_;
  std::unique_ptr<PeekedBytes> text_;
};

}  // namespace syncline::client

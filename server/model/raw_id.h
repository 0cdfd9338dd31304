// RawIdGenerator: creates `_airbyte_raw_id`, a UUIDv8 (RFC 9562) derived from (sync, stream,
// writer, offset), so that a record that is sent twice gets the same id.
//
// Besides the version and variant, an id has 60 bits from the SHA-256 digest of sync, stream and
// writer, followed by a counter of 62 bits whose start is taken from the same digest. So the ids of
// one writer are distinct, and their text order is the order of the records.
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "server/model/stream.h"

namespace syncline {

// The ids from `first` to `last`, inclusive, in byte order.
struct RawIdRange {
  std::string first;
  std::string last;
};

class RawIdGenerator {
 public:
  static constexpr int kLength = 36;

  RawIdGenerator(absl::string_view sync_id, const StreamDescriptor& stream,
                 absl::string_view writer_id);

  // Writes the id of record `offset`: kLength characters, lowercase with hyphens.
  void Write(int64_t offset, char* out) const;

  // Returns the ids of record `offset` and of all records that follow it.
  RawIdRange RangeFrom(int64_t offset) const;

 private:
  static constexpr int kPrefixLength = 19;

  char prefix_[kPrefixLength];  // the text of the first 64 bits, with version and hyphens
  uint64_t start_;  // below 2^61, so that adding an offset below 2^61 never passes 62 bits
};

}  // namespace syncline

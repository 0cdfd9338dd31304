// `_airbyte_raw_id`: a UUIDv8 (RFC 9562) derived from (sync, stream, writer, offset), so that a
// record that is sent twice gets the same id.
//
// 60 bits from SHA-256 over sync, stream and writer, then 62 bits that count up from a start taken
// from the same digest: ids of one writer are distinct, and their text order is the order of
// arrival.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/model/stream.h"

namespace syncline {

// Ids from `first` to `last`, both included, in byte order.
struct RawIdRange {
  std::string first;
  std::string last;
};

class RawIdGenerator {
 public:
  static constexpr int kLength = 36;

  RawIdGenerator(absl::string_view sync_id, const StreamDescriptor& stream,
                 absl::string_view writer_id);

  // Writes the kLength characters of the id of record `offset`, lowercase with hyphens.
  void Write(int64_t offset, char* out) const;

  // The ids of record `offset` and of all that follow it.
  RawIdRange RangeFrom(int64_t offset) const;

  // The record whose id is `id`; none when it is not of this writer.
  std::optional<int64_t> OffsetOf(absl::string_view id) const;

 private:
  static constexpr int kPrefixLength = 19;

  char prefix_[kPrefixLength];  // the text of the first 64 bits, version set, with its hyphens
  uint64_t start_;  // below 2^61, so that adding an offset below 2^61 never passes 62 bits
};

}  // namespace syncline

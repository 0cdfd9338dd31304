// A record that could not be loaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace syncline {

// A record that could not be loaded; `raw` is cut to kMaxRejectedRawBytes.
struct RejectedRecord {
  int64_t offset = 0;
  std::string reason;
  std::string raw;
  bool raw_truncated = false;  // `raw` is not the whole record
  std::string detail = {};     // the constraint and the SQLSTATE if the database refused the row
};
inline constexpr size_t kMaxRejectedRawBytes = 64 << 10;
// Rejected records of a stream that the ledger lists one by one.
inline constexpr int64_t kMaxListedRejections = 100'000;

}  // namespace syncline

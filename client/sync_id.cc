#include "client/sync_id.h"

#include <cstdint>
#include <random>

#include "absl/strings/str_cat.h"

namespace syncline::client {

std::string RandomSyncId(absl::string_view prefix) {
  std::random_device random;
  const uint64_t bits = static_cast<uint64_t>(random()) << 32 | random();
  return absl::StrCat(prefix, "-", absl::Hex(bits, absl::kZeroPad16));
}

}  // namespace syncline::client

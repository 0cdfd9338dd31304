// Which syncs to list.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

// Newest first.
struct SyncQuery {
  int limit = 0;        // syncs, at least 1
  int64_t before = 0;   // only those with a smaller sync_no; 0: all
  std::string owner{};  // only those of this owner and of nobody; empty: all
};

}  // namespace syncline

// Selects the syncs to list.
#pragma once

#include <cstdint>
#include <string>

namespace syncline {

// The list is ordered from the newest sync to the oldest.
struct SyncQuery {
  int limit = 0;        // maximum number of syncs, at least 1
  int64_t before = 0;   // only syncs with a lower sync_no; 0 for all
  std::string owner{};  // only syncs of this owner and syncs without one; empty for all
};

}  // namespace syncline

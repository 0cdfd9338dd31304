// Selects the syncs to list.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace syncline {

// The list is ordered from the newest sync to the oldest.
struct SyncQuery {
  int limit = 0;        // maximum number of syncs, at least 1
  int64_t before = 0;   // only syncs with a lower sync_no; 0 for all
  std::string owner{};  // only syncs of this owner and syncs without one; empty for all
  std::string state{};  // only syncs in this state, which may be "interrupted"; empty for all
  // Only syncs with a stream that loads a table of this name, and schema if that is not empty;
  // empty for all.
  std::string table_name{};
  std::string table_schema{};
  absl::Time started_since = absl::UnixEpoch();  // only syncs that started then or later
};

}  // namespace syncline

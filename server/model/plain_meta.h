// The text of `_airbyte_meta` of a record without changes. It is the same for all records of a
// stream, so a table may have it as the default of the column (postgres/table/meta_default.h).
#pragma once

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"

namespace syncline {

// `sync_id` is StreamPlan::airbyte_sync_id.
inline std::string MakePlainMeta(int64_t sync_id) {
  return absl::StrCat("{\"sync_id\":", sync_id, ",\"changes\":[]}");
}

}  // namespace syncline

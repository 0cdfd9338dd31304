// Rejected records of a sync as they are listed, page by page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/model/plan.h"
#include "server/model/stream.h"

namespace syncline {

// Where a record stands among the rejected records of a sync.
struct RejectedPlace {
  StreamDescriptor stream;
  std::string writer_id;
  int64_t offset = 0;
};

struct ListedRejection {
  RejectedPlace place;
  RejectedRecord record;
  absl::Time rejected_at;
};

// What to list, in the order of stream, writer and offset.
struct RejectedQuery {
  std::string sync_id;
  std::optional<StreamDescriptor> stream;  // none: of all streams
  std::optional<RejectedPlace> after;      // none: from the first
  int limit = 0;                           // records, at least 1
};

// A page has at most the records that were asked for, and about this many bytes, but one record at
// least.
inline constexpr int64_t kRejectedPageBytes = 1 << 20;

struct RejectedPage {
  std::vector<ListedRejection> records;
  bool more = false;  // records follow
};

}  // namespace syncline

// Pages of the list of a sync's rejected records.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "server/model/rejected_record.h"
#include "server/model/stream.h"

namespace syncline {

// The position of a record in the list of a sync's rejected records.
struct RejectedPosition {
  StreamDescriptor stream;
  std::string writer_id;
  int64_t offset = 0;
};

struct ListedRejection {
  RejectedPosition place;
  RejectedRecord record;
  absl::Time rejected_at;
};

// Selects a page of the list, which is ordered by stream, writer and offset.
struct RejectedQuery {
  std::string sync_id;
  std::optional<StreamDescriptor> stream;  // nullopt: all streams
  std::optional<RejectedPosition> after;   // nullopt: from the first record
  int limit = 0;                           // maximum number of records, at least 1
};

// A page has at most RejectedQuery::limit records and about this many bytes, but at least one
// record.
inline constexpr int64_t kRejectedPageBytes = 1 << 20;

struct RejectedPage {
  std::vector<ListedRejection> records;
  bool more = false;  // records follow
};

}  // namespace syncline

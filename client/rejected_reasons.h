// Reads from the server why records of a stream were rejected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/report.h"
#include "client/sync_client.h"

namespace syncline::client {

// Maximum number of rejected records per stream that are read to count their reasons.
inline constexpr int64_t kMaxRejectedRead = 10000;

// Returns the reasons of the first kMaxRejectedRead rejected records of the stream, most frequent
// first. Blocks. Errors: those of ListRejectedRecords.
absl::StatusOr<std::vector<RejectedReason>> ReadRejectedReasons(
    SyncClient* client, const std::string& sync_id, const v1::StreamDescriptor& descriptor);

}  // namespace syncline::client

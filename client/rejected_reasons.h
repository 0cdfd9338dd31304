// Asks the server why records of a stream were rejected.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/report.h"
#include "client/sync_client.h"

namespace syncline::client {

// How many rejected records of a stream are read to count their reasons.
inline constexpr int64_t kMaxRejectedRead = 10000;

// The reasons of the first kMaxRejectedRead rejected records of the stream, the most frequent
// first. Blocks; errors are those of the call.
absl::StatusOr<std::vector<RejectedReason>> ReadRejectedReasons(
    SyncClient* client, const std::string& sync_id, const v1::StreamDescriptor& descriptor);

}  // namespace syncline::client

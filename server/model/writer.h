// A writer's position, and the claim of the call that currently writes for it.
#pragma once

#include <cstdint>
#include <string>

#include "server/model/offset_ranges.h"

namespace syncline {

// A writer's progress.
struct WriterPosition {
  std::string writer_id;
  int64_t durable_offset = 0;
};

// A call's claim to a writer.
struct WriterClaim {
  int64_t sync_no = 0;
  int64_t stream_no = 0;
  std::string writer_id;
  int64_t epoch = 0;  // of this call; every commit checks it
};

// A writer's row after a claim.
struct ClaimedWriter {
  WriterClaim claim;
  OffsetRanges committed;  // every record number that is durable
};

}  // namespace syncline

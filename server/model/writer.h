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
  int64_t epoch = 0;  // number of its latest claim
};

// A call's claim to a writer.
struct WriterClaim {
  int64_t sync_no = 0;
  int64_t stream_no = 0;
  std::string writer_id;
  int64_t epoch = 0;  // of this call
  // Random number of this claim. A crash of the database may take a claim back, so that a later one
  // gets the same epoch; the token still differs. Every commit checks both.
  int64_t token = 0;
};

// A writer's row after a claim.
struct ClaimedWriter {
  WriterClaim claim;
  OffsetRanges committed;    // every record number that is durable
  int64_t plan_version = 1;  // of the stream, when the claim was made
};

}  // namespace syncline

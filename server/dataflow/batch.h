// A batch on its way from a call to a lane.
#pragma once

#include <cstdint>
#include <memory>

#include "server/model/plan.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

struct Batch {
  std::unique_ptr<v1::RecordBatch> records;
  // The record numbers in it.
  OffsetRange offsets;
  // Those of `offsets` that are new; what lies before them came in an earlier batch.
  int64_t wanted_from = 0;
  // Records before this one have been looked at, when the batch is parsed in pieces.
  int64_t seen_to = 0;
  // Bytes of payload: what the memory budget holds for it.
  int64_t bytes = 0;
  // When it arrived, in microseconds since 2000-01-01 UTC.
  int64_t arrival_us = 0;
};

}  // namespace syncline::dataflow

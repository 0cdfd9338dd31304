// A batch of records that a call passes to a lane.
#pragma once

#include <cstdint>
#include <memory>

#include "server/model/offset_range.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

struct Batch {
  std::unique_ptr<v1::RecordBatch> records;
  // The record numbers of the batch.
  OffsetRange offsets;
  // The first record that is new; those before it were in an earlier batch.
  int64_t wanted_from = 0;
  // The first record that is not processed yet, if the batch is parsed in pieces.
  int64_t seen_to = 0;
  // Bytes of memory that the batch takes; the memory budget is charged with them.
  int64_t bytes = 0;
  // Bytes that the budget is charged with in addition, for rows that are not made yet.
  int64_t row_bytes = 0;
  // Bytes of the message.
  int64_t payload_bytes = 0;
  // Commit the batch as soon as it is parsed.
  bool flush = false;
  // Time of arrival, in microseconds since 2000-01-01 UTC.
  int64_t arrival_us = 0;

  int64_t charged_bytes() const { return bytes + row_bytes; }
};

}  // namespace syncline::dataflow

// Batches of the benchmark's records as a caller sends them: lines of JSON, or typed rows.
//
// Stateless.
#pragma once

#include "bench/data/record_shape.h"
#include "bench/data/record_text.h"
#include "syncline/v1/records.pb.h"

namespace syncline::bench {

// `format` is kJsonl or kAirbyte.
v1::RecordBatch LinesBatch(const RecordShape& shape, RecordFormat format, const Slice& slice);

// Numbers go as text: a double would not keep their digits.
v1::RecordBatch TypedBatch(const RecordShape& shape, const Slice& slice);

}  // namespace syncline::bench

// Batches of the benchmark's records as a caller sends them: JSON lines or typed rows.
//
// Stateless.
#pragma once

#include "bench/data/record_shape.h"
#include "bench/data/record_text.h"
#include "syncline/v1/records.pb.h"

namespace syncline::bench {

// `format` must be kJsonl or kAirbyte.
v1::RecordBatch LinesBatch(const RecordShape& shape, RecordFormat format, const Slice& slice);

// Numbers are sent as text, because a double would lose digits.
v1::RecordBatch TypedBatch(const RecordShape& shape, const Slice& slice);

}  // namespace syncline::bench

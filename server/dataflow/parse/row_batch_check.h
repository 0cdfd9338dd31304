// Checks that the counts and buffers of typed rows agree, so that reading them stays within their
// bounds. A pure function; any thread.
#pragma once

#include "absl/status/status.h"
#include "syncline/v1/records.pb.h"

namespace syncline::dataflow {

// Checks `rows`; RecordParser::CountRecords calls it once per batch. Errors: INVALID_ARGUMENT
// INVALID_ROWS with the path of each count or buffer that does not match.
absl::Status CheckRowBatch(const v1::RowBatch& rows);

}  // namespace syncline::dataflow

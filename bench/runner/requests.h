// Messages of the API that scenarios send themselves, without the command line.
#pragma once

#include <string>

#include "bench/data/record_shape.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::bench {

// Returns a request for one stream of `shape` that appends to a table in `schema`.
v1::StartSyncRequest AppendRequest(const std::string& sync_id, const std::string& schema,
                                   const RecordShape& shape);

v1::StreamRecordsRequest HeaderOf(const std::string& sync_id,
                                  const v1::StreamDescriptor& descriptor);

v1::CompleteStreamRequest CompletionOf(const std::string& sync_id,
                                       const v1::StreamDescriptor& descriptor);

}  // namespace syncline::bench

// Messages of AppendRecords, made from those of StreamRecords, which have the same fields.
#pragma once

#include "syncline/v1/sync_service.pb.h"

namespace syncline::testing {

inline v1::AppendRecordsRequest ToAppend(const v1::StreamRecordsRequest& request) {
  v1::AppendRecordsRequest append;
  append.ParseFromString(request.SerializeAsString());
  return append;
}

// Returns the batch with `flush`.
inline v1::AppendRecordsRequest ToFlush(const v1::StreamRecordsRequest& batch) {
  v1::AppendRecordsRequest append = ToAppend(batch);
  append.mutable_batch()->set_flush(true);
  return append;
}

}  // namespace syncline::testing

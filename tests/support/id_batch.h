// Batches for lanes of a table with the column `id`.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/dataflow/batch.h"
#include "syncline/v1/sync_service.pb.h"

namespace syncline::testing {

// Returns the records [begin, end), each of which has its number as `id`. The caller acquires the
// bytes of the batch from the budget.
inline dataflow::Batch MakeIdBatch(int64_t begin, int64_t end, bool flush) {
  auto message = std::make_unique<v1::RecordBatch>();
  message->set_first_offset(begin);
  for (int64_t n = begin; n < end; ++n) {
    absl::StrAppend(message->mutable_jsonl(), "{\"id\":", n, "}\n");
  }
  dataflow::Batch batch;
  batch.offsets = {begin, end};
  batch.wanted_from = begin;
  batch.payload_bytes = static_cast<int64_t>(message->ByteSizeLong());
  batch.bytes = batch.payload_bytes;
  batch.records = std::move(message);
  batch.flush = flush;
  return batch;
}

}  // namespace syncline::testing

// AggregateFactory: creates the Aggregate of each lane, whose table depends on the stream.
#pragma once

#include <memory>

#include "absl/strings/string_view.h"
#include "server/dataflow/aggregate.h"
#include "server/model/stream_plan.h"
#include "server/model/writer.h"
#include "server/write/load/insert_buffer.h"

namespace syncline::dataflow {

// Immutable. Thread-safe.
class AggregateFactory {
 public:
  // `context` must outlive the factory and the objects that it creates.
  AggregateFactory(const write::LoadContext* context, int64_t max_record_bytes)
      : context_(context), max_record_bytes_(max_record_bytes) {}

  std::unique_ptr<Aggregate> Create(const StreamPlan& plan, absl::string_view sync_id,
                                    const WriterClaim& claim, const OffsetRanges& durable) const;

 private:
  const write::LoadContext* const context_;
  const int64_t max_record_bytes_;
};

}  // namespace syncline::dataflow

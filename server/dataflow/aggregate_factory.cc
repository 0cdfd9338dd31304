#include "server/dataflow/aggregate_factory.h"

namespace syncline::dataflow {

std::unique_ptr<Aggregate> AggregateFactory::Create(const StreamPlan& plan,
                                                    absl::string_view sync_id,
                                                    const WriterClaim& claim,
                                                    const OffsetRanges& durable) const {
  RecordParserOptions options;
  options.sync_id_number = plan.airbyte_sync_id;
  options.max_record_bytes = max_record_bytes_;
  options.require_key = plan.write_mode == WriteMode::kDedup;
  return std::make_unique<Aggregate>(context_, plan, sync_id, claim, durable, options);
}

}  // namespace syncline::dataflow

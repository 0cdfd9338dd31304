#include "server/dataflow/aggregate.h"

#include <algorithm>
#include <utility>

#include "server/base/status_macros.h"

namespace syncline::dataflow {

Aggregate::Aggregate(const write::LoadContext* context, const StreamPlan& plan,
                     absl::string_view sync_id, const WriterClaim& claim, OffsetRanges durable,
                     const RecordParserOptions& options)
    : parser_(plan.schema, options),
      buffer_(context, plan, sync_id, claim),
      durable_(std::move(durable)) {}

absl::StatusOr<Accepted> Aggregate::Accept(Batch* batch) {
  accepted_ = Accepted{};
  wanted_from_ = batch->wanted_from;
  check_durable_ = durable_.Intersects(batch->offsets);
  SYNCLINE_RETURN_IF_ERROR(parser_.Parse(batch->records.get(), batch->arrival_us, this));
  Cover(*batch);
  return std::move(accepted_);
}

void Aggregate::Accept(const RecordMeta& meta, absl::Span<const Value> values) {
  buffer_.Append(meta, values);
  buffer_.Cover({meta.offset, meta.offset + 1}, 0);
}

bool Aggregate::Wants(int64_t offset) {
  const bool wanted = offset >= wanted_from_ && !(check_durable_ && durable_.Contains(offset));
  if (!wanted) ++accepted_.skipped;
  return wanted;
}

void Aggregate::OnRecord(const RecordMeta& meta, absl::Span<const Value> values) {
  buffer_.Append(meta, values);
}

void Aggregate::OnRejected(int64_t offset, RejectReason reason, absl::string_view raw) {
  const absl::string_view name = RejectReasonName(reason);
  ++accepted_.rejected[std::string(name)];
  buffer_.Reject({offset, std::string(name), std::string(raw.substr(0, kMaxRejectedRawBytes))});
}

void Aggregate::Cover(const Batch& batch) {
  OffsetRange rest = {std::max(batch.offsets.begin, batch.wanted_from), batch.offsets.end};
  if (check_durable_) {
    for (const OffsetRange& known : durable_.ranges()) {
      buffer_.Cover({rest.begin, std::min(rest.end, known.begin)}, 0);
      rest.begin = std::max(rest.begin, known.end);
    }
  }
  buffer_.Cover(rest, batch.bytes);
}

}  // namespace syncline::dataflow

#include "server/dataflow/aggregate.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/status_macros.h"

namespace syncline::dataflow {

Aggregate::Aggregate(const write::LoadContext* context, const StreamPlan& plan,
                     absl::string_view sync_id, const WriterClaim& claim, OffsetRanges durable,
                     const RecordParserOptions& options)
    : parser_(plan.schema, options),
      buffer_(context, plan, sync_id, claim),
      durable_(std::move(durable)) {}

absl::StatusOr<Accepted> Aggregate::Accept(Batch* batch, int64_t max_bytes) {
  accepted_ = Accepted{};
  wanted_from_ = batch->wanted_from;
  seen_to_ = batch->seen_to;
  max_bytes_ = max_bytes;
  typed_rows_ = batch->records->has_rows();
  check_durable_ = durable_.Intersects(batch->offsets);
  SYNCLINE_FAILPOINT_OR_RETURN(kDecode);
  parser_.Parse(batch->records.get(), batch->arrival_us, this);
  if (accepted_.more) {
    Cover(*batch, stopped_at_, 0);
    batch->wanted_from = std::max(batch->wanted_from, stopped_at_);
    batch->seen_to = stopped_at_;
  } else {
    Cover(*batch, batch->offsets.end, batch->payload_bytes);
  }
  return std::move(accepted_);
}

void Aggregate::Accept(const RecordMeta& meta, absl::Span<const Value> values) {
  buffer_.Append(meta, values);
  buffer_.Cover({meta.offset, meta.offset + 1}, 0);
}

bool Aggregate::Wants(int64_t offset) {
  if (accepted_.more || offset < seen_to_) return false;
  const bool wanted = offset >= wanted_from_ && !(check_durable_ && durable_.Contains(offset));
  if (!wanted) {
    ++accepted_.skipped;
  } else if (buffer_.bytes() >= max_bytes_) {
    accepted_.more = true;
    stopped_at_ = offset;
    return false;
  }
  return wanted;
}

void Aggregate::OnRecord(const RecordMeta& meta, absl::Span<const Value> values) {
  buffer_.Append(meta, values);
}

void Aggregate::OnRejected(int64_t offset, RejectReason reason, absl::string_view raw) {
  Reject(offset, RejectReasonName(reason), raw, !typed_rows_);
}

void Aggregate::OnUnreadable(int64_t offset, absl::string_view reason, absl::string_view raw) {
  Reject(offset, reason, raw, true);
}

void Aggregate::Reject(int64_t offset, absl::string_view reason, absl::string_view raw,
                       bool raw_is_whole) {
  ++accepted_.rejected[std::string(reason)];
  RejectedRecord record;
  record.offset = offset;
  record.reason = std::string(reason);
  record.raw = std::string(raw.substr(0, kMaxRejectedRawBytes));
  record.raw_truncated = !raw_is_whole || raw.size() > kMaxRejectedRawBytes;
  buffer_.Reject(std::move(record));
}

void Aggregate::Cover(const Batch& batch, int64_t end, int64_t bytes) {
  OffsetRange rest = {std::max(batch.offsets.begin, batch.wanted_from), end};
  if (check_durable_) {
    for (const OffsetRange& known : durable_.ranges()) {
      buffer_.Cover({rest.begin, std::min(rest.end, known.begin)}, 0);
      rest.begin = std::max(rest.begin, known.end);
    }
  }
  buffer_.Cover(rest, bytes);
}

}  // namespace syncline::dataflow

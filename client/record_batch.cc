#include "client/record_batch.h"

#include <algorithm>
#include <string>
#include <utility>

namespace syncline::client {
namespace {

constexpr int64_t kDefaultBatchBytes = 256 << 10;
constexpr int64_t kDefaultMaxRecordBytes = 16 << 20;
constexpr int64_t kEnvelopeBytes = 64;

}  // namespace

RecordBatchBuilder::RecordBatchBuilder(Payload payload, const v1::Limits& limits)
    : payload_(payload) {
  int64_t batch = limits.recommended_batch_bytes();
  if (batch <= 0) batch = kDefaultBatchBytes;
  int64_t record = limits.max_record_bytes();
  if (record <= 0) record = kDefaultMaxRecordBytes;
  if (limits.max_message_bytes() > 0) {
    const int64_t most = std::max<int64_t>(limits.max_message_bytes() - kEnvelopeBytes, 1);
    batch = std::min(batch, most);
    record = std::min(record, most - 2);  // a truncated line is one byte longer and has a '\n'
  }
  batch_bytes_ = static_cast<size_t>(batch);
  max_record_bytes_ = static_cast<size_t>(std::max<int64_t>(record, 1));
}

void RecordBatchBuilder::Begin() {
  request_ = std::make_unique<v1::AppendRecordsRequest>();
  v1::RecordBatch* const batch = request_->mutable_batch();
  lines_ = payload_ == Payload::kJsonl ? batch->mutable_jsonl() : batch->mutable_airbyte_jsonl();
  lines_->reserve(batch_bytes_);
}

void RecordBatchBuilder::AppendUnreadable(absl::string_view line, absl::string_view reason) {
  const int64_t offset = records_;
  Append(line);
  v1::UnreadableRecord* const unreadable = request_->mutable_batch()->add_unreadable();
  unreadable->set_offset(offset);
  unreadable->set_reason(std::string(reason));
}

std::unique_ptr<v1::AppendRecordsRequest> RecordBatchBuilder::TakeMarked() {
  const int64_t later_records = records_ - marked_records_;
  if (later_records == 0) return Take();
  const std::string later = lines_->substr(marked_bytes_);
  lines_->resize(marked_bytes_);
  std::unique_ptr<v1::AppendRecordsRequest> marked = Take();
  Begin();
  lines_->append(later);
  records_ = later_records;
  return marked;
}

std::unique_ptr<v1::AppendRecordsRequest> RecordBatchBuilder::Take() {
  // Kept batches wait until they are durable; they must not occupy unused capacity.
  if (lines_ != nullptr && lines_->size() < lines_->capacity() / 2) lines_->shrink_to_fit();
  lines_ = nullptr;
  records_ = 0;
  marked_records_ = 0;
  marked_bytes_ = 0;
  return std::exchange(request_, nullptr);
}

}  // namespace syncline::client

// Aggregate: parses the batches of one lane of one stream and appends their rows to an
// InsertBuffer.
//
// Owned by the lane and used by one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/dataflow/batch.h"
#include "server/dataflow/parse/record_parser.h"
#include "server/model/offset_ranges.h"
#include "server/model/stream_plan.h"
#include "server/model/writer.h"
#include "server/write/load/insert_buffer.h"

namespace syncline::dataflow {

// Counts the records of a batch that did not become rows.
struct Accepted {
  int64_t skipped = 0;                      // already durable
  std::map<std::string, int64_t> rejected;  // by reason
  // The buffer is full and records of the batch remain: flush, then accept the same batch again.
  bool more = false;
};

class Aggregate : private RecordSink {
 public:
  // `durable` are the records that were committed before the claim; they are skipped. `context`
  // must outlive this object.
  Aggregate(const write::LoadContext* context, const StreamPlan& plan, absl::string_view sync_id,
            const WriterClaim& claim, OffsetRanges durable, const RecordParserOptions& options);

  // Parses the batch into the buffer until the batch ends or the buffer holds `max_bytes`, because
  // a few bytes of JSON can become many bytes of rows. Does no I/O.
  // Errors: INVALID_ARGUMENT INVALID_ROWS for typed rows whose counts do not match; the buffer is
  // unchanged.
  absl::StatusOr<Accepted> Accept(Batch* batch, int64_t max_bytes);

  // Appends one record whose values are already coerced.
  void Accept(const RecordMeta& meta, absl::Span<const Value> values);

  // Tries to commit the buffer; see InsertBuffer::Flush.
  absl::StatusOr<write::FlushAttempt> Flush(const write::DueCheckpoints& checkpoints,
                                            bool closes = false,
                                            write::GroupCommit::Resume resume = nullptr) {
    CountValues();
    return buffer_.Flush(checkpoints, closes, std::move(resume));
  }

  // Begins to commit the buffer without blocking; see InsertBuffer::TryHandIn.
  std::optional<write::FlushAttempt> TryHandIn(const write::DueCheckpoints& checkpoints,
                                               bool closes, write::GroupCommit::Resume resume) {
    CountValues();
    return buffer_.TryHandIn(checkpoints, closes, std::move(resume));
  }

  // Ends a flush from another thread. May outlive this object.
  std::shared_ptr<write::FlushInterrupt> interrupt() const { return buffer_.interrupt(); }

  int64_t buffered_bytes() const { return buffer_.bytes(); }
  bool empty() const { return buffer_.empty(); }
  // Returns whether Citus distributes the table; false until the first block was sent.
  bool distributed() const { return buffer_.distributed(); }

 private:
  bool Wants(int64_t offset) override;
  void OnRecord(const RecordMeta& meta, absl::Span<const Value> values) override;
  void OnRejected(int64_t offset, RejectReason reason, absl::string_view raw) override;
  void OnUnreadable(int64_t offset, absl::string_view reason, absl::string_view raw) override;
  void Reject(int64_t offset, absl::string_view reason, absl::string_view raw, bool raw_is_whole);
  // Gives the buffer what coercion did to the values since the last call.
  void CountValues() {
    if (parser_.has_counts()) buffer_.Count(parser_.TakeCounts());
  }
  // Marks the new records of the batch before `end` as held, with `bytes` of payload.
  void Cover(const Batch& batch, int64_t end, int64_t bytes);

  RecordParser parser_;
  write::InsertBuffer buffer_;
  const OffsetRanges durable_;
  int64_t wanted_from_ = 0;
  int64_t seen_to_ = 0;
  int64_t max_bytes_ = 0;
  int64_t stopped_at_ = 0;
  bool check_durable_ = false;
  bool typed_rows_ = false;
  Accepted accepted_;
};

}  // namespace syncline::dataflow

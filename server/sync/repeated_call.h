// RepeatedCall: a StreamRecords or AppendRecords call of a stream that has been completed.
//
// A caller that repeats its calls after a completion sends records that are already durable. They
// are skipped. A record that is not durable can no longer become so, and is an error. Claims
// nothing and does no I/O. Used by one thread at a time.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/sync_record.h"
#include "server/sync/writer_call.h"

namespace syncline::sync {

class RepeatedCall {
 public:
  // `stream` has ended. A writer that it does not have has no durable records.
  RepeatedCall(const StreamEntry& stream, absl::string_view writer_id);

  // Skips the records of a batch. Errors: FAILED_PRECONDITION STREAM_COMPLETED if a record of the
  // batch is not durable; INVALID_ARGUMENT if the batch is invalid.
  absl::Status Accept(const v1::RecordBatch& records);

  const CallSummary& summary() const { return summary_; }
  // Returns how the stream ended.
  StreamOutcome outcome() const { return outcome_; }

 private:
  StreamOutcome outcome_;
  CallSummary summary_;
};

}  // namespace syncline::sync

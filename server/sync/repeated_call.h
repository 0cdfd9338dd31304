// RepeatedCall: a StreamRecords call of a stream that has been completed.
//
// A caller that repeats its calls after a completion sends records that are durable already: they
// are skipped. A record that is not durable cannot become so any more. Claims nothing and does no
// I/O. Used by one thread at a time.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/plan.h"
#include "server/sync/writer_call.h"

namespace syncline::sync {

class RepeatedCall {
 public:
  // `stream` has ended; a writer that it does not know has no durable records.
  RepeatedCall(const StreamRecord& stream, absl::string_view writer_id);

  // Errors: FAILED_PRECONDITION STREAM_COMPLETED when a record of the batch is not durable;
  // INVALID_ARGUMENT when the batch is not valid.
  absl::Status Accept(const v1::RecordBatch& records);

  const CallSummary& summary() const { return summary_; }
  // How the stream ended.
  StreamOutcome outcome() const { return outcome_; }

 private:
  StreamOutcome outcome_;
  CallSummary summary_;
};

}  // namespace syncline::sync

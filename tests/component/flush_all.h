// Repeats the attempts of a flush until it is over, as a lane does.
#pragma once

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "server/write/load/insert_buffer.h"

namespace syncline::testing {

// `buffer`: an InsertBuffer or an Aggregate.
template <typename Buffer>
absl::StatusOr<write::FlushResult> FlushAll(Buffer& buffer,
                                            const write::DueCheckpoints& checkpoints = {},
                                            bool closes = false) {
  while (true) {
    SYNCLINE_ASSIGN_OR_RETURN(const write::FlushAttempt attempt, buffer.Flush(checkpoints, closes));
    if (attempt.committed.has_value()) return *attempt.committed;
    absl::SleepFor(attempt.pause);
  }
}

}  // namespace syncline::testing

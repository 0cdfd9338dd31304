// Repeats the attempts of a flush until it is over, as a lane does.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/stop_signal.h"
#include "server/write/load/insert_buffer.h"

namespace syncline::testing {

// `buffer`: an InsertBuffer or an Aggregate. Its small blocks may be committed together with those
// of others.
template <typename Buffer>
absl::StatusOr<write::FlushResult> FlushAll(Buffer& buffer,
                                            const write::DueCheckpoints& checkpoints = {},
                                            bool closes = false) {
  while (true) {
    const auto resumed = std::make_shared<StopSignal>();
    SYNCLINE_ASSIGN_OR_RETURN(
        const write::FlushAttempt attempt,
        buffer.Flush(checkpoints, closes, [resumed](write::GroupResult) { resumed->Set(); }));
    if (attempt.committed.has_value()) return *attempt.committed;
    if (attempt.pause == absl::InfiniteDuration()) {
      resumed->Wait(attempt.pause);
    } else {
      absl::SleepFor(attempt.pause);
    }
  }
}

}  // namespace syncline::testing

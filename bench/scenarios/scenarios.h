// The scenarios, one a file: each starts its own server, measures against its baseline, checks what
// was loaded, and leaves nothing behind in the database.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bench/runner/bench.h"
#include "bench/runner/figure.h"

namespace syncline::bench {

using Figures = std::vector<Figure>;

struct Scenario {
  const char* name;
  std::vector<const char*> ids;  // the targets it answers
  const char* title;
  absl::StatusOr<Figures> (*run)(Bench& bench);
};

// In the order in which they run.
const std::vector<Scenario>& Scenarios();

// Whether `word`, a name or an id in any case, means `scenario`.
bool IsCalled(const Scenario& scenario, absl::string_view word);

absl::StatusOr<Figures> RunWrite(Bench& bench);
absl::StatusOr<Figures> RunLoad(Bench& bench);
absl::StatusOr<Figures> RunReplace(Bench& bench);
absl::StatusOr<Figures> RunDedup(Bench& bench);
absl::StatusOr<Figures> RunMemory(Bench& bench);
absl::StatusOr<Figures> RunStreams(Bench& bench);
absl::StatusOr<Figures> RunTyped(Bench& bench);
absl::StatusOr<Figures> RunSwap(Bench& bench);
absl::StatusOr<Figures> RunLatency(Bench& bench);
absl::StatusOr<Figures> RunIdle(Bench& bench);
absl::StatusOr<Figures> RunShapes(Bench& bench);

}  // namespace syncline::bench

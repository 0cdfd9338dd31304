// The scenarios, one per file. Each starts its own server, measures against its baseline, checks
// the loaded tables, and removes them from the database.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bench/runner/bench.h"
#include "bench/runner/figure.h"
#include "bench/runner/series.h"

namespace syncline::bench {

using Figures = std::vector<Figure>;

struct Scenario {
  const char* name;
  std::vector<const char*> ids;  // the targets that it measures, or the group that it belongs to
  const char* title;
  absl::StatusOr<Findings> (*run)(Bench& bench);
  bool by_default = true;  // whether it runs if no scenario is named
};

// In the order in which they run.
const std::vector<Scenario>& Scenarios();

// Returns whether `word`, a name or an id in any case, denotes `scenario`.
bool HasName(const Scenario& scenario, absl::string_view word);

absl::StatusOr<Findings> RunWrite(Bench& bench);
absl::StatusOr<Findings> RunLoad(Bench& bench);
absl::StatusOr<Findings> RunGzip(Bench& bench);
absl::StatusOr<Findings> RunCitus(Bench& bench);
absl::StatusOr<Findings> RunReplace(Bench& bench);
absl::StatusOr<Findings> RunInPlace(Bench& bench);
absl::StatusOr<Findings> RunDedup(Bench& bench);
absl::StatusOr<Findings> RunMemory(Bench& bench);
absl::StatusOr<Findings> RunMemoryOfStreams(Bench& bench);
absl::StatusOr<Findings> RunStreams(Bench& bench);
absl::StatusOr<Findings> RunTyped(Bench& bench);
absl::StatusOr<Findings> RunSwap(Bench& bench);
absl::StatusOr<Findings> RunLatency(Bench& bench);
absl::StatusOr<Findings> RunAcks(Bench& bench);
absl::StatusOr<Findings> RunAckRates(Bench& bench);
absl::StatusOr<Findings> RunIdle(Bench& bench);
absl::StatusOr<Findings> RunStates(Bench& bench);
absl::StatusOr<Findings> RunControlPlane(Bench& bench);
absl::StatusOr<Findings> RunShapes(Bench& bench);
absl::StatusOr<Findings> RunShortSyncs(Bench& bench);
absl::StatusOr<Findings> RunGrowthByColumns(Bench& bench);
absl::StatusOr<Findings> RunGrowthByBytes(Bench& bench);
absl::StatusOr<Findings> RunGrowthByStreams(Bench& bench);
absl::StatusOr<Findings> RunGrowthByTable(Bench& bench);
absl::StatusOr<Findings> RunGrowthByLanes(Bench& bench);

}  // namespace syncline::bench

// P9b: one record at a time through one open AppendRecords call, from the write to the answer that
// it is durable, compared with an INSERT that commits by itself. P11: 16 such callers compared with
// 16 connections, by commits per second; and the curve over the number of callers. The acks at
// fixed rates are in ack_rates.cc.
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/runner/ack_callers.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

struct Step {
  int callers;
  int64_t records;  // of each caller
};

constexpr Step kSteps[] = {{1, 1000}, {4, 400}, {16, 200}, {64, 100}};
constexpr int kFullCallers = 16;

std::vector<Figure> MakeFigures(const Step& step, const Pairs& pairs) {
  const std::string callers =
      step.callers == 1 ? "one AppendRecords call" : absl::StrCat(step.callers, " callers");
  std::vector<Figure> figures;
  if (step.callers == 1) {
    figures.push_back({.id = "P9b",
                       .name = callers + ", one record at a time, p50 / INSERT, p50",
                       .unit = "ms",
                       .ours = Pairs::Pick(pairs.ours, kMedianMs),
                       .baseline = Pairs::Pick(pairs.baseline, kMedianMs),
                       .target = 2.0});
    figures.push_back({.id = "",
                       .name = callers + ", one record at a time, p99 / INSERT, p99",
                       .unit = "ms",
                       .ours = Pairs::Pick(pairs.ours, kHighMs),
                       .baseline = Pairs::Pick(pairs.baseline, kHighMs)});
    return figures;
  }
  const bool measured = step.callers == kFullCallers;
  figures.push_back({.id = measured ? "P11" : "",
                     .name = callers + ", one record at a time / as many INSERT connections",
                     .unit = "commits/s",
                     .ours = Pairs::Pick(pairs.ours, kCommitsPerSecond),
                     .baseline = Pairs::Pick(pairs.baseline, kCommitsPerSecond),
                     .better = Better::kHigher});
  if (measured) figures.back().target = 0.5;
  return figures;
}

}  // namespace

absl::StatusOr<Findings> RunAcks(Bench& bench) {
  constexpr double kEach = 1.0 / std::size(kSteps);
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<AckCallers> callers,
                            AckCallers::Create(&bench, server->address()));
  Findings findings;
  Series series = {.name = "acks-callers",
                   .title = "Commits of one record, by callers",
                   .x_name = "callers",
                   .measures = {"commits/s", "p50 ms", "p99 ms", "INSERT commits/s",
                                "INSERT p50 ms", "INSERT p99 ms"},
                   .points = {},
                   .plotted = {0, 3}};
  for (const Step& step : kSteps) {
    const CallerPlan plan = {.callers = step.callers, .records = step.records};
    SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                              bench.Alternate([&] { return callers->Append(plan); },
                                              [&] { return callers->Insert(plan); }, kEach));
    for (Figure& figure : MakeFigures(step, pairs)) findings.figures.push_back(std::move(figure));
    SeriesPoint point = {
        .x = static_cast<double>(step.callers), .label = absl::StrCat(step.callers), .values = {}};
    for (const std::vector<Measures>* runs : {&pairs.ours, &pairs.baseline}) {
      for (const size_t measure : {kCommitsPerSecond, kMedianMs, kHighMs}) {
        point.values.push_back(Median(Pairs::Pick(*runs, measure)));
      }
    }
    series.points.push_back(std::move(point));
  }
  findings.series.push_back(std::move(series));
  return findings;
}

}  // namespace syncline::bench

// P9b: one record at a time through one open AppendRecords call, from the write to the answer that
// it is durable, compared with an INSERT that commits by itself. P11: 16 such callers compared with
// 16 connections, by commits per second; and the curve over the number of callers. Both are
// repeated with TCP instead of a Unix socket to PostgreSQL. The acks at fixed rates are in
// ack_rates.cc.
#include <iterator>
#include <string>
#include <utility>
#include <vector>

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
constexpr Step kTcpSteps[] = {{1, 1000}, {16, 200}};

// Returns `dsn` with TCP instead of a Unix socket: the last value of a keyword counts.
std::string OverTcp(const std::string& dsn) { return absl::StrCat(dsn, " host=127.0.0.1"); }

// P9b and P11 are those that are not `over_tcp`.
std::vector<Figure> MakeFigures(const Step& step, const Pairs& pairs, bool over_tcp) {
  const std::string callers = absl::StrCat(
      step.callers == 1 ? "one AppendRecords call" : absl::StrCat(step.callers, " callers"),
      over_tcp ? ", all over TCP" : "");
  std::vector<Figure> figures;
  if (step.callers == 1) {
    figures.push_back({.id = over_tcp ? "" : "P9b",
                       .name = callers + ", one record at a time, p50 / INSERT, p50",
                       .unit = "ms",
                       .ours = Pairs::Pick(pairs.ours, kMedianMs),
                       .baseline = Pairs::Pick(pairs.baseline, kMedianMs)});
    if (!over_tcp) figures.back().target = 2.0;
    figures.push_back({.id = "",
                       .name = callers + ", one record at a time, p99 / INSERT, p99",
                       .unit = "ms",
                       .ours = Pairs::Pick(pairs.ours, kHighMs),
                       .baseline = Pairs::Pick(pairs.baseline, kHighMs)});
    return figures;
  }
  const bool measured = step.callers == kFullCallers && !over_tcp;
  figures.push_back({.id = measured ? "P11" : "",
                     .name = callers + ", one record at a time / as many INSERT connections",
                     .unit = "commits/s",
                     .ours = Pairs::Pick(pairs.ours, kCommitsPerSecond),
                     .baseline = Pairs::Pick(pairs.baseline, kCommitsPerSecond),
                     .better = Better::kHigher});
  if (measured) figures.back().target = 0.5;
  return figures;
}

absl::StatusOr<Pairs> Measure(Bench& bench, AckCallers& callers, const Step& step, double share) {
  const CallerPlan plan = {.callers = step.callers, .records = step.records};
  return bench.Alternate([&] { return callers.Append(plan); }, [&] { return callers.Insert(plan); },
                         share);
}

// Adds the figures for which PostgreSQL, too, is reached over TCP.
absl::Status AddOverTcp(Bench& bench, std::vector<Figure>* figures) {
  constexpr double kEach = 1.0 / std::size(kTcpSteps);
  const std::string dsn = OverTcp(bench.options().dsn);
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server,
                            ServerUnderTest::Start(dsn, bench.options().directory, {}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<AckCallers> callers,
                            AckCallers::Create(&bench, server->address(), dsn));
  for (const Step& step : kTcpSteps) {
    SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs, Measure(bench, *callers, step, kEach));
    for (Figure& figure : MakeFigures(step, pairs, /*over_tcp=*/true)) {
      figures->push_back(std::move(figure));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Findings> RunAcks(Bench& bench) {
  constexpr double kEach = 1.0 / std::size(kSteps);
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<AckCallers> callers,
                            AckCallers::Create(&bench, server->address(), bench.options().dsn));
  Findings findings;
  Series series = {.name = "acks-callers",
                   .title = "Commits of one record, by callers",
                   .x_name = "callers",
                   .measures = {"commits/s", "p50 ms", "p99 ms", "INSERT commits/s",
                                "INSERT p50 ms", "INSERT p99 ms"},
                   .points = {},
                   .plotted = {0, 3}};
  for (const Step& step : kSteps) {
    SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs, Measure(bench, *callers, step, kEach));
    for (Figure& figure : MakeFigures(step, pairs, /*over_tcp=*/false)) {
      findings.figures.push_back(std::move(figure));
    }
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
  SYNCLINE_RETURN_IF_ERROR(AddOverTcp(bench, &findings.figures));
  return findings;
}

}  // namespace syncline::bench

// How long one caller waits for the ack of a record at fixed rates, compared with an INSERT that
// commits by itself. The time counts from when the record was due, so that a late one makes those
// behind it late, too.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/runner/ack_callers.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

constexpr int64_t kRates[] = {10, 100, 1000};  // records per second
constexpr int64_t kSeconds = 5;

}  // namespace

absl::StatusOr<Findings> RunAckRates(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<AckCallers> callers,
                            AckCallers::Create(&bench, server->address(), bench.options().dsn));
  Series series = {.name = "ack-rates",
                   .title = "Time until a record is durable, by records per second",
                   .x_name = "records/s",
                   .measures = {"p50 ms", "p99 ms", "p99.9 ms", "INSERT p50 ms", "INSERT p99 ms",
                                "INSERT p99.9 ms"},
                   .points = {},
                   .plotted = {0, 1, 3, 4}};
  for (const int64_t rate : kRates) {
    const CallerPlan plan = {.callers = 1,
                             .records = rate * kSeconds,
                             .interval = absl::Seconds(1) / static_cast<double>(rate)};
    SeriesPoint point = {.x = static_cast<double>(rate), .label = absl::StrCat(rate), .values = {}};
    SYNCLINE_ASSIGN_OR_RETURN(const Measures ours, callers->Append(plan));
    SYNCLINE_ASSIGN_OR_RETURN(const Measures inserts, callers->Insert(plan));
    for (const Measures& measures : {ours, inserts}) {
      for (const size_t measure : {kMedianMs, kHighMs, kHighestMs}) {
        point.values.push_back(measures[measure]);
      }
    }
    series.points.push_back(std::move(point));
  }
  return Findings(std::move(series));
}

}  // namespace syncline::bench

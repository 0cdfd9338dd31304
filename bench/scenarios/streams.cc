// P7: 16 concurrent streams compared with one stream of as many records, in rows per second, and
// how evenly the streams share the server.
#include <algorithm>

#include "base/status_macros.h"
#include "bench/runner/many_streams.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

constexpr int64_t kStreams = 16;

}  // namespace

absl::StatusOr<Findings> RunStreams(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = std::max(bench.options().records / kStreams, int64_t{1}) * kStreams;
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<LoadedStream> many,
                            DivideAmong(bench, shape, records, kStreams));
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<LoadedStream> one, DivideAmong(bench, shape, records, 1));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  SYNCLINE_ASSIGN_OR_RETURN(
      const Pairs pairs,
      bench.Alternate([&] { return LoadTogether(bench, *server, shape, records, many); },
                      [&] { return LoadTogether(bench, *server, shape, records, one); }));
  return Figures{{.id = "P7",
                  .name = "16 streams at once / one stream",
                  .unit = "rows/s",
                  .ours = Pairs::Pick(pairs.ours, 0),
                  .baseline = Pairs::Pick(pairs.baseline, 0),
                  .target = 0.90,
                  .better = Better::kHigher},
                 {.id = "P7",
                  .name = "slowest of 16 streams, share of the mean",
                  .unit = "",
                  .ours = Pairs::Pick(pairs.ours, 1),
                  .target = 0.5,
                  .better = Better::kHigher}};
}

}  // namespace syncline::bench

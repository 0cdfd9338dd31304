// P1: append of JSONL with `syncline load` compared with \copy. P5: the server's CPU time for it
// compared with PostgreSQL's.
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {

absl::StatusOr<Findings> RunLoad(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = bench.options().records;
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kJsonl, {.count = records}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  const auto load = [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench, *server, shape, file, schema));
    return bench.Run({.arguments = std::move(arguments)});
  };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                            CompareWithCopy(bench, *server, shape, records, load));
  return Figures{{.id = "P1",
                  .name = "append by syncline load / copy",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 0.70},
                 {.id = "P5",
                  .name = "server's CPU / PostgreSQL's CPU, of P1",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kServerCpu),
                  .baseline = Pairs::Pick(pairs.ours, kPostgresCpu),
                  .target = 0.45},
                 {.id = "",
                  .name = "CPU of syncline load itself",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kClientCpu)}};
}

}  // namespace syncline::bench

// P1: append of JSONL with `syncline load` compared with \copy of the same table. P1u: the same
// compared with \copy of the caller's own columns, with all meta columns and without any. P5: the
// server's CPU time for P1 compared with PostgreSQL's.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

// Each comparison's share of the scenario's time.
constexpr double kEach = 1.0 / 3;

}  // namespace

absl::StatusOr<Findings> RunLoad(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = bench.options().records;
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kJsonl, {.count = records}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  const auto load = [&](const std::string& schema,
                        const std::string& meta) -> absl::StatusOr<ProgramEnd> {
    SYNCLINE_ASSIGN_OR_RETURN(
        std::vector<std::string> arguments,
        LoadArguments(bench, *server, shape, file, schema, {absl::StrCat("--meta=", meta)}));
    return bench.Run({.arguments = std::move(arguments)});
  };
  const auto load_full = [&](const std::string& schema) { return load(schema, "full"); };
  const auto load_bare = [&](const std::string& schema) { return load(schema, "none"); };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                            CompareWithCopy(bench, *server, shape, records, load_full, kEach));
  SYNCLINE_ASSIGN_OR_RETURN(
      const Pairs own, CompareWithOwnColumns(bench, *server, shape, records, load_full, kEach));
  SYNCLINE_ASSIGN_OR_RETURN(
      const Pairs bare, CompareWithOwnColumns(bench, *server, shape, records, load_bare, kEach));
  return Figures{{.id = "P1",
                  .name = "append by syncline load / copy",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 0.53},
                 {.id = "P1u",
                  .name = "append by syncline load / copy of the caller's columns",
                  .unit = "s",
                  .ours = Pairs::Pick(own.ours, kSeconds),
                  .baseline = Pairs::Pick(own.baseline, kSeconds),
                  .target = 0.87},
                 {.id = "P1u",
                  .name = "the same without meta columns / copy of the caller's columns",
                  .unit = "s",
                  .ours = Pairs::Pick(bare.ours, kSeconds),
                  .baseline = Pairs::Pick(bare.baseline, kSeconds),
                  .target = 0.72},
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

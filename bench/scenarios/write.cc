// Records of 12 columns as an Airbyte source writes them, piped into `syncline write`, compared
// with \copy of the resulting table. Also measures the server's memory.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/runner/process_usage.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

constexpr double kMebibyte = 1 << 20;

}  // namespace

absl::StatusOr<Findings> RunWrite(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = bench.options().records;
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kAirbyte, {.count = records}));
  SYNCLINE_RETURN_IF_ERROR(bench.WriteFile("catalog.json", MakeCatalog(shape)));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  const auto load = [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
    SYNCLINE_RETURN_IF_ERROR(bench.WriteFile(
        "config.json",
        absl::StrCat(R"({"server":")", server->address(), R"(","schema":")", schema, R"("})")));
    return bench.Run(
        {.arguments = {SYNCLINE_CLIENT_BINARY, "write", "--config=" + bench.Path("config.json"),
                       "--catalog=" + bench.Path("catalog.json")},
         .stdin_file = file});
  };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                            CompareWithCopy(bench, *server, shape, records, load));
  const double peak = static_cast<double>(PeakMemoryBytes(server->pid())) / kMebibyte;
  return Figures{{.id = "",
                  .name = "syncline write / copy",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 1.0},
                 {.id = "",
                  .name = "server's peak memory, syncline write",
                  .unit = "MiB",
                  .ours = {peak},
                  .target = 256},
                 {.id = "",
                  .name = "CPU of syncline write itself",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kClientCpu)}};
}

}  // namespace syncline::bench

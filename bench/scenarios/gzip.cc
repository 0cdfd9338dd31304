// P15: `syncline load` of a gzip file compared with the same file that is not compressed.
#include <utility>

#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {

absl::StatusOr<Findings> RunGzip(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const Slice slice = {.count = bench.options().records};
  SYNCLINE_ASSIGN_OR_RETURN(const std::string plain,
                            bench.DataFile(shape, RecordFormat::kJsonl, slice));
  const std::string compressed = plain + ".gz";
  SYNCLINE_RETURN_IF_ERROR(
      bench.Run({.arguments = {"gzip", "-c", plain}, .stdout_file = compressed}).status());
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {slice}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  const auto measure = [&](const std::string& file) {
    return MeasureLoad(bench, *server, shape, contents,
                       [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
                         SYNCLINE_ASSIGN_OR_RETURN(
                             std::vector<std::string> arguments,
                             LoadArguments(bench, *server, shape, file, schema));
                         return bench.Run({.arguments = std::move(arguments)});
                       });
  };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs, bench.Alternate([&] { return measure(compressed); },
                                                               [&] { return measure(plain); }));
  return Figures{{.id = "P15",
                  .name = "load of the gzip file / of the plain file",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 1.25},
                 {.id = "",
                  .name = "CPU of syncline load of the gzip file / of the plain file",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kClientCpu),
                  .baseline = Pairs::Pick(pairs.baseline, kClientCpu)}};
}

}  // namespace syncline::bench

// P3: a replace of a full table (temp table, its preparation, swap) compared with an append of the
// same data.
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {

absl::StatusOr<Findings> RunReplace(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const Slice slice = {.count = bench.options().records};
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kJsonl, slice));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {slice}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  const auto load = [&](const std::string& schema, const char* mode) -> absl::StatusOr<ProgramEnd> {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench, *server, shape, file, schema, {mode}));
    return bench.Run({.arguments = std::move(arguments)});
  };
  const auto append = [&](const std::string& schema) { return load(schema, "--mode=append"); };
  const auto replace = [&](const std::string& schema) { return load(schema, "--mode=overwrite"); };
  const auto fill = [&](const std::string& schema) { return append(schema).status(); };
  SYNCLINE_ASSIGN_OR_RETURN(
      const Pairs pairs,
      bench.Alternate([&] { return MeasureLoad(bench, *server, shape, contents, replace, fill); },
                      [&] { return MeasureLoad(bench, *server, shape, contents, append); }));
  return Figures{{.id = "P3",
                  .name = "replace of a full table / append",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 1.10}};
}

}  // namespace syncline::bench

// A replace of a full table in place, compared with the same replace by a swap.
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {

absl::StatusOr<Findings> RunInPlace(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const Slice slice = {.count = bench.options().records};
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kJsonl, slice));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {slice}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  const auto replace = [&](const std::string& schema,
                           const char* strategy) -> absl::StatusOr<ProgramEnd> {
    SYNCLINE_ASSIGN_OR_RETURN(
        std::vector<std::string> arguments,
        LoadArguments(bench, *server, shape, file, schema,
                      {"--mode=overwrite", absl::StrCat("--replace_strategy=", strategy)}));
    return bench.Run({.arguments = std::move(arguments)});
  };
  const auto in_place = [&](const std::string& schema) { return replace(schema, "in_place"); };
  const auto swap = [&](const std::string& schema) { return replace(schema, "swap"); };
  const auto fill = [&](const std::string& schema) { return swap(schema).status(); };
  SYNCLINE_ASSIGN_OR_RETURN(
      const Pairs pairs,
      bench.Alternate([&] { return MeasureLoad(bench, *server, shape, contents, in_place, fill); },
                      [&] { return MeasureLoad(bench, *server, shape, contents, swap, fill); }));
  return Figures{{.id = "",
                  .name = "replace in place / by a swap",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds)}};
}

}  // namespace syncline::bench

// Other shapes of records with `syncline load` compared with \copy. They have no targets.
#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"

namespace syncline::bench {
namespace {

struct Share {
  const char* shape;
  int64_t divisor;  // of --records, so that each takes about the same time
};

constexpr Share kShares[] = {{"lineitem", 1}, {"wide_text", 8}, {"narrow", 1}, {"nested", 2}};

}  // namespace

absl::StatusOr<Findings> RunShapes(Bench& bench) {
  constexpr double kEach = 1.0 / std::size(kShares);
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  Figures figures;
  for (const Share& share : kShares) {
    const RecordShape& shape = *FindRecordShape(share.shape);
    const int64_t records = std::max<int64_t>(bench.options().records / share.divisor, 1);
    SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                              bench.DataFile(shape, RecordFormat::kJsonl, {.count = records}));
    const auto load = [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
      SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                                LoadArguments(bench, *server, shape, file, schema));
      return bench.Run({.arguments = std::move(arguments)});
    };
    SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                              CompareWithCopy(bench, *server, shape, records, load, kEach));
    figures.push_back({.id = "",
                       .name = absl::StrCat(shape.name, ", ", records, " records / copy"),
                       .unit = "s",
                       .ours = Pairs::Pick(pairs.ours, kSeconds),
                       .baseline = Pairs::Pick(pairs.baseline, kSeconds)});
  }
  return figures;
}

}  // namespace syncline::bench

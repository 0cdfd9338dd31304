// P7: 16 streams at once against one stream with as many records, in rows a second; and whether
// they share fairly.
#include <algorithm>
#include <numeric>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/runner/loading.h"
#include "bench/scenarios/scenarios.h"
#include "server/base/status_macros.h"

namespace syncline::bench {
namespace {

constexpr int64_t kStreams = 16;

struct Stream {
  std::string file;
  std::string contents;
  std::string schema = {};
  std::unique_ptr<Program> load = nullptr;
};

// What `syncline load --output=json` says it took.
absl::StatusOr<double> SecondsIn(const std::string& report) {
  const std::string name = "\"seconds\":";
  const size_t at = report.find(name);
  double seconds = 0;
  if (at == std::string::npos ||
      !absl::SimpleAtod(report.substr(at + name.size(), report.find(',', at) - at - name.size()),
                        &seconds)) {
    return absl::InternalError("no seconds in " + report);
  }
  return seconds;
}

// Rows a second of all of them together, and the slowest one's over the mean of each.
absl::StatusOr<Measures> LoadTogether(Bench& bench, const ServerUnderTest& server,
                                      const RecordShape& shape, int64_t records,
                                      std::vector<Stream>& streams) {
  for (Stream& stream : streams) {
    SYNCLINE_ASSIGN_OR_RETURN(stream.schema, bench.FreshSchema(/*create=*/false));
  }
  SYNCLINE_RETURN_IF_ERROR(bench.Checkpoint());
  const absl::Time began = absl::Now();
  for (Stream& stream : streams) {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench, server, shape, stream.file, stream.schema));
    SYNCLINE_ASSIGN_OR_RETURN(stream.load, Program::Start({.arguments = std::move(arguments)},
                                                          bench.options().directory));
  }
  std::vector<double> rates;
  for (Stream& stream : streams) {
    SYNCLINE_ASSIGN_OR_RETURN(const ProgramEnd end, stream.load->Wait());
    SYNCLINE_ASSIGN_OR_RETURN(const double seconds, SecondsIn(end.output));
    rates.push_back(1 / seconds);
  }
  const double total = static_cast<double>(records) / absl::ToDoubleSeconds(absl::Now() - began);
  for (const Stream& stream : streams) {
    SYNCLINE_RETURN_IF_ERROR(
        CheckContents(bench, shape, TableIn(stream.schema, shape), stream.contents));
    SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(stream.schema));
  }
  const double mean =
      std::accumulate(rates.begin(), rates.end(), 0.0) / static_cast<double>(rates.size());
  return Measures{total, *std::min_element(rates.begin(), rates.end()) / mean};
}

absl::StatusOr<std::vector<Stream>> Divide(Bench& bench, const RecordShape& shape, int64_t records,
                                           int64_t count) {
  std::vector<Stream> streams;
  for (int64_t i = 0; i < count; ++i) {
    const Slice slice = {.count = records / count, .first = i * (records / count)};
    SYNCLINE_ASSIGN_OR_RETURN(std::string file, bench.DataFile(shape, RecordFormat::kJsonl, slice));
    SYNCLINE_ASSIGN_OR_RETURN(std::string contents, TrueContents(bench, shape, {slice}));
    streams.push_back({.file = std::move(file), .contents = std::move(contents)});
  }
  return streams;
}

}  // namespace

absl::StatusOr<Figures> RunStreams(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = std::max(bench.options().records / kStreams, int64_t{1}) * kStreams;
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<Stream> many, Divide(bench, shape, records, kStreams));
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<Stream> one, Divide(bench, shape, records, 1));
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

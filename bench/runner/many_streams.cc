#include "bench/runner/many_streams.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bench/runner/loading.h"
#include "server/base/status_macros.h"

namespace syncline::bench {
namespace {

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

}  // namespace

absl::StatusOr<std::vector<LoadedStream>> DivideAmong(Bench& bench, const RecordShape& shape,
                                                      int64_t records, int64_t count) {
  std::vector<LoadedStream> streams;
  for (int64_t i = 0; i < count; ++i) {
    const Slice slice = {.count = records / count, .first = i * (records / count)};
    SYNCLINE_ASSIGN_OR_RETURN(std::string file, bench.DataFile(shape, RecordFormat::kJsonl, slice));
    SYNCLINE_ASSIGN_OR_RETURN(std::string contents, TrueContents(bench, shape, {slice}));
    streams.push_back({.file = std::move(file), .contents = std::move(contents)});
  }
  return streams;
}

absl::StatusOr<Measures> LoadTogether(Bench& bench, const ServerUnderTest& server,
                                      const RecordShape& shape, int64_t records,
                                      std::vector<LoadedStream>& streams) {
  for (LoadedStream& stream : streams) {
    SYNCLINE_ASSIGN_OR_RETURN(stream.schema, bench.FreshSchema(/*create=*/false));
  }
  SYNCLINE_RETURN_IF_ERROR(bench.Checkpoint());
  const absl::Time began = absl::Now();
  for (LoadedStream& stream : streams) {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench, server, shape, stream.file, stream.schema));
    SYNCLINE_ASSIGN_OR_RETURN(stream.load, Program::Start({.arguments = std::move(arguments)},
                                                          bench.options().directory));
  }
  std::vector<double> rates;
  for (LoadedStream& stream : streams) {
    SYNCLINE_ASSIGN_OR_RETURN(const ProgramEnd end, stream.load->Wait());
    SYNCLINE_ASSIGN_OR_RETURN(const double seconds, SecondsIn(end.output));
    rates.push_back(1 / seconds);
  }
  const double total = static_cast<double>(records) / absl::ToDoubleSeconds(absl::Now() - began);
  for (const LoadedStream& stream : streams) {
    SYNCLINE_RETURN_IF_ERROR(
        CheckContents(bench, shape, TableIn(stream.schema, shape), stream.contents));
    SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(stream.schema));
  }
  const double mean =
      std::accumulate(rates.begin(), rates.end(), 0.0) / static_cast<double>(rates.size());
  return Measures{total, *std::min_element(rates.begin(), rates.end()) / mean};
}

}  // namespace syncline::bench

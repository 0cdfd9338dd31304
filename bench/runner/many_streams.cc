#include "bench/runner/many_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "bench/runner/loading.h"
#include "bench/runner/requests.h"
#include "client/load_session.h"
#include "client/sources/jsonl_source.h"

namespace syncline::bench {
namespace {

// Loads as `syncline load` does after it has started.
absl::Status Load(const ServerUnderTest& server, const RecordShape& shape, LoadedStream& stream) {
  const int fd = open(stream.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return absl::InternalError("cannot open " + stream.file);
  const absl::Cleanup close_file = [fd] { close(fd); };
  const absl::Time began = absl::Now();
  client::ConnectionOptions connection;
  connection.server = server.address();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  client::LoadOptions options;
  options.start = AppendRequest("together-" + stream.schema, stream.schema, shape);
  std::unique_ptr<client::LineReader> lines;
  client::LoadSource source;
  source.rereadable = true;
  source.open =
      [&](const v1::StreamPlan&) -> absl::StatusOr<std::unique_ptr<client::RecordSource>> {
    lseek(fd, 0, SEEK_SET);
    lines = std::make_unique<client::LineReader>(fd);
    return std::make_unique<client::JsonlSource>(lines.get());
  };
  client::ProgressLine progress(/*draws=*/false, nullptr, absl::Now());
  client::LoadSession session(client.get(), std::move(options), {source}, &progress);
  const client::LoadReport report = session.Run();
  stream.took = absl::Now() - began;
  return report.status;
}

}  // namespace

absl::StatusOr<std::vector<LoadedStream>> DivideAmong(Bench& bench, const RecordShape& shape,
                                                      int64_t records, int64_t count) {
  std::vector<LoadedStream> streams;
  for (int64_t i = 0; i < count; ++i) {
    const Slice slice = {.count = records / count, .first = i * (records / count)};
    SYNCLINE_ASSIGN_OR_RETURN(std::string file, bench.DataFile(shape, RecordFormat::kJsonl, slice));
    SYNCLINE_ASSIGN_OR_RETURN(std::string contents, ComputeExpectedContents(bench, shape, {slice}));
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
  std::vector<std::unique_ptr<Thread>> threads;
  for (LoadedStream& stream : streams) {
    threads.push_back(
        std::make_unique<Thread>("stream", [&] { stream.status = Load(server, shape, stream); }));
  }
  threads.clear();
  const double total = static_cast<double>(records) / absl::ToDoubleSeconds(absl::Now() - began);
  std::vector<double> rates;
  for (const LoadedStream& stream : streams) {
    SYNCLINE_RETURN_IF_ERROR(stream.status);
    rates.push_back(1 / absl::ToDoubleSeconds(stream.took));
    SYNCLINE_RETURN_IF_ERROR(
        CheckContents(bench, shape, GetTableName(stream.schema, shape), stream.contents));
    SYNCLINE_RETURN_IF_ERROR(bench.DropSchema(stream.schema));
  }
  const double mean =
      std::accumulate(rates.begin(), rates.end(), 0.0) / static_cast<double>(rates.size());
  return Measures{total, *std::min_element(rates.begin(), rates.end()) / mean};
}

}  // namespace syncline::bench

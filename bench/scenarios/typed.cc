// P2: the same records as typed rows with the client library's stream writer, compared with \copy.
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/pipeline/batches.h"
#include "bench/runner/loading.h"
#include "bench/runner/process_usage.h"
#include "bench/runner/requests.h"
#include "bench/scenarios/scenarios.h"
#include "client/stream_writer.h"
#include "client/sync_client.h"

namespace syncline::bench {
namespace {

constexpr int64_t kBatchRecords = 1000;  // about 150 KiB

// Simulates a program with its rows in memory. Building the messages is part of the measured time.
absl::StatusOr<ProgramEnd> Send(client::SyncClient& client, const RecordShape& shape,
                                const std::vector<v1::AppendRecordsRequest>& batches,
                                const std::string& schema) {
  const double cpu_before = CpuSeconds(getpid());
  const absl::Time began = absl::Now();
  client::StreamWriterOptions options;
  options.start = AppendRequest("typed-" + schema, schema, shape);
  options.descriptor = options.start.streams(0).descriptor();
  SYNCLINE_RETURN_IF_ERROR(client.StartSync(options.start).status());
  const v1::CompleteStreamRequest completion =
      CompletionOf(options.start.sync_id(), options.descriptor);
  client::StreamWriter writer(&client, nullptr, std::move(options));
  for (const v1::AppendRecordsRequest& batch : batches) {
    SYNCLINE_RETURN_IF_ERROR(writer.Send(std::make_unique<v1::AppendRecordsRequest>(batch),
                                         batch.batch().rows().row_count()));
  }
  SYNCLINE_RETURN_IF_ERROR(writer.Close());
  SYNCLINE_RETURN_IF_ERROR(client.CompleteStream(completion).status());
  return ProgramEnd{.seconds = absl::ToDoubleSeconds(absl::Now() - began),
                    .cpu_seconds = CpuSeconds(getpid()) - cpu_before};
}

}  // namespace

absl::StatusOr<Findings> RunTyped(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const int64_t records = bench.options().records;
  std::vector<v1::AppendRecordsRequest> batches;
  for (int64_t first = 0; first < records; first += kBatchRecords) {
    v1::AppendRecordsRequest& request = batches.emplace_back();
    *request.mutable_batch() =
        TypedBatch(shape, {.count = std::min(kBatchRecords, records - first), .first = first});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  client::ConnectionOptions connection;
  connection.server = server->address();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  const auto load = [&](const std::string& schema) {
    return Send(*client, shape, batches, schema);
  };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs,
                            CompareWithCopy(bench, *server, shape, records, load));
  return Figures{{.id = "P2",
                  .name = "append of typed rows / copy",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kSeconds),
                  .baseline = Pairs::Pick(pairs.baseline, kSeconds),
                  .target = 0.65},
                 {.id = "",
                  .name = "server's CPU / PostgreSQL's CPU, of P2",
                  .unit = "s",
                  .ours = Pairs::Pick(pairs.ours, kServerCpu),
                  .baseline = Pairs::Pick(pairs.ours, kPostgresCpu)}};
}

}  // namespace syncline::bench

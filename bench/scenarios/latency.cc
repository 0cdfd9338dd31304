// P9: one record per call, from the start of the call to the response that it is committed,
// compared with an INSERT of the same row that commits by itself. Also measures gRPC's share: a
// call that is rejected because of its header, before the server sends any query.
#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/runner/insert_baseline.h"
#include "bench/runner/loading.h"
#include "bench/runner/requests.h"
#include "bench/scenarios/scenarios.h"
#include "client/sync_client.h"

namespace syncline::bench {
namespace {

constexpr int64_t kCalls = 300;
constexpr double kMilliseconds = 1000;

class Latency {
 public:
  Latency(Bench& bench, client::SyncClient& client) : bench_(bench), client_(client) {}

  absl::Status Prepare() {
    SYNCLINE_ASSIGN_OR_RETURN(contents_,
                              ComputeExpectedContents(bench_, shape_, {{.count = kCalls}}));
    return absl::OkStatus();
  }

  absl::StatusOr<Measures> Ours() {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/false));
    const std::string sync_id = "latency-" + schema;
    const v1::StartSyncRequest start = AppendRequest(sync_id, schema, shape_);
    SYNCLINE_RETURN_IF_ERROR(client_.StartSync(start).status());
    const v1::StreamDescriptor& descriptor = start.streams(0).descriptor();
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    std::vector<double> took;
    for (int64_t number = 0; number < kCalls; ++number) {
      SYNCLINE_ASSIGN_OR_RETURN(const double ms, SendOne(sync_id, descriptor, number));
      took.push_back(ms);
    }
    std::vector<double> refused;
    for (int64_t number = 0; number < kCalls; ++number) {
      refused.push_back(MeasureRefusal(sync_id, descriptor));
    }
    SYNCLINE_RETURN_IF_ERROR(client_.CompleteStream(CompletionOf(sync_id, descriptor)).status());
    SYNCLINE_ASSIGN_OR_RETURN(Measures measures, Check(schema, took));
    measures.push_back(Median(refused));
    return measures;
  }

  absl::StatusOr<Measures> ByInsert() {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, bench_.FreshSchema(/*create=*/true));
    const std::string table = GetTableName(schema, shape_);
    SYNCLINE_RETURN_IF_ERROR(InsertBaseline::CreateTable(bench_.database(), table, shape_));
    SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<InsertBaseline> insert,
                              InsertBaseline::Create(bench_.options().dsn, table, shape_));
    SYNCLINE_RETURN_IF_ERROR(bench_.Checkpoint());
    std::vector<double> took;
    for (int64_t number = 0; number < kCalls; ++number) {
      SYNCLINE_ASSIGN_OR_RETURN(const double ms, insert->Insert(number));
      took.push_back(ms);
    }
    return Check(schema, took);
  }

 private:
  absl::StatusOr<double> SendOne(const std::string& sync_id, const v1::StreamDescriptor& descriptor,
                                 int64_t number) {
    v1::StreamRecordsRequest batch;
    batch.mutable_batch()->set_first_offset(number);
    std::vector<Cell> cells;
    FillRecord(shape_, number, 0, &cells);
    AppendRecord(shape_, cells, RecordFormat::kJsonl, batch.mutable_batch()->mutable_jsonl());
    const absl::Time began = absl::Now();
    const std::unique_ptr<client::RecordsCall> call = client_.StreamRecords();
    call->Write(HeaderOf(sync_id, descriptor));
    call->Write(batch);
    SYNCLINE_RETURN_IF_ERROR(call->Finish().status());
    return absl::ToDoubleSeconds(absl::Now() - began) * kMilliseconds;
  }

  double MeasureRefusal(const std::string& sync_id, const v1::StreamDescriptor& descriptor) {
    v1::StreamRecordsRequest header = HeaderOf(sync_id, descriptor);
    header.mutable_header()->set_writer_id(std::string(200, 'x'));  // too long
    const absl::Time began = absl::Now();
    const std::unique_ptr<client::RecordsCall> call = client_.StreamRecords();
    call->Write(header);
    call->Finish().status().IgnoreError();
    return absl::ToDoubleSeconds(absl::Now() - began) * kMilliseconds;
  }

  absl::StatusOr<Measures> Check(const std::string& schema, const std::vector<double>& took) {
    SYNCLINE_RETURN_IF_ERROR(
        CheckContents(bench_, shape_, GetTableName(schema, shape_), contents_));
    SYNCLINE_RETURN_IF_ERROR(bench_.DropSchema(schema));
    return Measures{Median(took), Quantile(took, 0.99)};
  }

  Bench& bench_;
  client::SyncClient& client_;
  const RecordShape& shape_ = *FindRecordShape("mixed12");
  std::string contents_;
};

}  // namespace

absl::StatusOr<Findings> RunLatency(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  client::ConnectionOptions connection;
  connection.server = server->address();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  Latency latency(bench, *client);
  SYNCLINE_RETURN_IF_ERROR(latency.Prepare());
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs, bench.Alternate([&] { return latency.Ours(); },
                                                               [&] { return latency.ByInsert(); }));
  return Figures{{.id = "P9",
                  .name = "one record per call, p50 / INSERT, p50",
                  .unit = "ms",
                  .ours = Pairs::Pick(pairs.ours, 0),
                  .baseline = Pairs::Pick(pairs.baseline, 0),
                  .target = 2.0},
                 {.id = "",
                  .name = "one record per call, p99 / INSERT, p99",
                  .unit = "ms",
                  .ours = Pairs::Pick(pairs.ours, 1),
                  .baseline = Pairs::Pick(pairs.baseline, 1)},
                 {.id = "",
                  .name = "a call refused at its header, p50 / INSERT, p50",
                  .unit = "ms",
                  .ours = Pairs::Pick(pairs.ours, 2),
                  .baseline = Pairs::Pick(pairs.baseline, 0)}};
}

}  // namespace syncline::bench

// 6,000 short syncs in sequence on one server, whose memory must not grow with their number. They
// append, and every fifth replaces with a new generation. The metric series of generations live for
// seconds here instead of an hour.
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/runner/process_usage.h"
#include "bench/runner/requests.h"
#include "bench/scenarios/scenarios.h"
#include "client/sync_client.h"

namespace syncline::bench {
namespace {

constexpr int64_t kSyncs = 6000;
constexpr int64_t kMeasureEvery = 500;
constexpr int64_t kRecords = 100;
constexpr int64_t kReplaceEvery = 5;
constexpr double kMebibyte = 1 << 20;

class ShortSyncs {
 public:
  ShortSyncs(Bench& bench, const ServerUnderTest& server, client::SyncClient& client)
      : bench_(bench), server_(server), client_(client) {}

  absl::StatusOr<Series> Run() {
    SYNCLINE_ASSIGN_OR_RETURN(schema_, bench_.FreshSchema(/*create=*/false));
    batch_.mutable_batch()->set_first_offset(0);
    std::vector<Cell> cells;
    for (int64_t number = 0; number < kRecords; ++number) {
      FillRecord(shape_, number, 0, &cells);
      AppendRecord(shape_, cells, RecordFormat::kJsonl, batch_.mutable_batch()->mutable_jsonl());
    }
    Series series = {.name = "syncs",
                     .title = "One server over 6,000 short syncs",
                     .x_name = "syncs finished",
                     .measures = {"resident MiB", "threads", "descriptors", "connections"},
                     .points = {},
                     .plotted = {0}};
    for (int64_t done = 0; done <= kSyncs; ++done) {
      if (done % kMeasureEvery == 0) {
        SYNCLINE_ASSIGN_OR_RETURN(SeriesPoint point, Look(done));
        series.points.push_back(std::move(point));
      }
      if (done < kSyncs) SYNCLINE_RETURN_IF_ERROR(Sync(done));
    }
    SYNCLINE_RETURN_IF_ERROR(CheckRows());
    SYNCLINE_RETURN_IF_ERROR(bench_.DropSchema(schema_));
    return series;
  }

 private:
  static bool Replaces(int64_t number) { return number % kReplaceEvery == 0; }

  absl::Status Sync(int64_t number) {
    v1::StartSyncRequest start =
        AppendRequest(absl::StrCat("short-", schema_, "-", number), schema_, shape_);
    const bool replace = Replaces(number);
    // Replacements and appends have separate tables, so that the sizes of both stay constant.
    v1::StreamConfig& stream = *start.mutable_streams(0);
    if (replace) {
      stream.mutable_descriptor()->set_name("replaced");
      stream.set_overwrite(true);
    }
    SYNCLINE_RETURN_IF_ERROR(client_.StartSync(start).status());
    const std::unique_ptr<client::RecordsCall> call = client_.StreamRecords();
    call->Write(HeaderOf(start.sync_id(), stream.descriptor()));
    call->Write(batch_);
    SYNCLINE_RETURN_IF_ERROR(call->Finish().status());
    return client_.CompleteStream(CompletionOf(start.sync_id(), stream.descriptor())).status();
  }

  absl::StatusOr<SeriesPoint> Look(int64_t done) {
    SYNCLINE_ASSIGN_OR_RETURN(
        const int64_t connections,
        bench_.database().Integer("SELECT count(*) FROM pg_stat_activity WHERE backend_type = "
                                  "'client backend' AND pid <> pg_backend_pid()"));
    const ProcessResources holdings = ReadProcessResources(server_.pid());
    std::fprintf(stderr, "    %5d: %.1f MiB\n", static_cast<int>(done),
                 static_cast<double>(holdings.resident_bytes) / kMebibyte);
    return SeriesPoint{
        .x = static_cast<double>(done),
        .label = absl::StrCat(done),
        .values = {static_cast<double>(holdings.resident_bytes) / kMebibyte,
                   static_cast<double>(holdings.threads), static_cast<double>(holdings.descriptors),
                   static_cast<double>(connections)}};
  }

  absl::Status CheckRows() {
    SYNCLINE_ASSIGN_OR_RETURN(
        const int64_t appended,
        bench_.database().Integer("SELECT count(*) FROM " + GetTableName(schema_, shape_)));
    SYNCLINE_ASSIGN_OR_RETURN(
        const int64_t replaced,
        bench_.database().Integer(absl::StrCat("SELECT count(*) FROM ", schema_, ".replaced")));
    if (appended == kRecords * (kSyncs - kSyncs / kReplaceEvery) && replaced == kRecords) {
      return absl::OkStatus();
    }
    return absl::InternalError(absl::StrCat(appended, " rows appended, ", replaced, " replaced"));
  }

  Bench& bench_;
  const ServerUnderTest& server_;
  client::SyncClient& client_;
  const RecordShape& shape_ = *FindRecordShape("mixed12");
  v1::StreamRecordsRequest batch_;
  std::string schema_;
};

}  // namespace

absl::StatusOr<Findings> RunShortSyncs(Bench& bench) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server,
                            bench.StartServer({"--metrics_generation_ttl=5s"}));
  client::ConnectionOptions connection;
  connection.server = server->address();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  SYNCLINE_ASSIGN_OR_RETURN(Series series, ShortSyncs(bench, *server, *client).Run());
  return Findings(std::move(series));
}

}  // namespace syncline::bench

// P10: one busy stream next to 500 open streams that send nothing, compared with the same stream
// alone.
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"
#include "bench/runner/loading.h"
#include "bench/runner/requests.h"
#include "bench/scenarios/scenarios.h"
#include "client/sync_client.h"

namespace syncline::bench {
namespace {

constexpr int kIdleStreams = 500;
constexpr absl::Duration kPatience = absl::Seconds(60);

// 500 streams of one sync that can be opened and closed repeatedly.
class IdleStreams {
 public:
  IdleStreams(Bench& bench, client::SyncClient& client) : bench_(bench), client_(client) {}

  absl::Status Start() {
    SYNCLINE_ASSIGN_OR_RETURN(schema_, bench_.FreshSchema(/*create=*/false));
    start_ = AppendRequest("idle-" + schema_, schema_, *FindRecordShape("narrow"));
    const v1::StreamConfig first = start_.streams(0);
    for (int i = 1; i < kIdleStreams; ++i) {
      v1::StreamConfig* const stream = start_.add_streams();
      *stream = first;
      stream->mutable_descriptor()->set_name(absl::StrCat(first.descriptor().name(), "_", i));
    }
    return client_.StartSync(start_).status();
  }

  absl::Status Open() {
    for (const v1::StreamConfig& stream : start_.streams()) {
      calls_.push_back(client_.StreamRecords());
      if (!calls_.back()->Write(HeaderOf(start_.sync_id(), stream.descriptor()))) {
        return calls_.back()->Finish().status();
      }
    }
    return WaitUntilOpen();
  }

  // Ends the calls in order. Fails if the server has not kept one of them open.
  absl::Status Close() {
    for (const std::unique_ptr<client::RecordsCall>& call : calls_) {
      SYNCLINE_RETURN_IF_ERROR(call->Finish().status());
    }
    calls_.clear();
    return absl::OkStatus();
  }

  absl::Status End() {
    SYNCLINE_RETURN_IF_ERROR(client_.CancelSync(start_.sync_id()).status());
    // One table at a time, because a single transaction would need a lock per table.
    for (const v1::StreamConfig& stream : start_.streams()) {
      SYNCLINE_RETURN_IF_ERROR(bench_.database().Execute(
          absl::StrCat("DROP TABLE \"", schema_, "\".\"", stream.descriptor().name(), "\"")));
    }
    return bench_.DropSchema(schema_);
  }

 private:
  // The server sends no response to a header. The ledger shows that it has accepted it.
  absl::Status WaitUntilOpen() {
    const absl::Time deadline = absl::Now() + kPatience;
    while (absl::Now() < deadline) {
      SYNCLINE_ASSIGN_OR_RETURN(
          const int64_t open,
          bench_.database().Integer(
              "SELECT count(*) FROM syncline.writer WHERE open_by IS NOT NULL"));
      if (open == kIdleStreams) return absl::OkStatus();
      absl::SleepFor(absl::Milliseconds(20));
    }
    return absl::DeadlineExceededError("the idle streams were not opened in time");
  }

  Bench& bench_;
  client::SyncClient& client_;
  std::string schema_;
  v1::StartSyncRequest start_;
  std::vector<std::unique_ptr<client::RecordsCall>> calls_;
};

}  // namespace

absl::StatusOr<Findings> RunIdle(Bench& bench) {
  const RecordShape& shape = *FindRecordShape("mixed12");
  const Slice slice = {.count = bench.options().records};
  SYNCLINE_ASSIGN_OR_RETURN(const std::string file,
                            bench.DataFile(shape, RecordFormat::kJsonl, slice));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string contents,
                            ComputeExpectedContents(bench, shape, {slice}));
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ServerUnderTest> server, bench.StartServer());
  client::ConnectionOptions connection;
  connection.server = server->address();
  connection.timeout = absl::Minutes(5);
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<client::SyncClient> client,
                            client::SyncClient::Create(connection));
  IdleStreams idle(bench, *client);
  SYNCLINE_RETURN_IF_ERROR(idle.Start());
  const auto load = [&](const std::string& schema) -> absl::StatusOr<ProgramEnd> {
    SYNCLINE_ASSIGN_OR_RETURN(std::vector<std::string> arguments,
                              LoadArguments(bench, *server, shape, file, schema));
    return bench.Run({.arguments = std::move(arguments)});
  };
  const auto alone = [&]() -> absl::StatusOr<Measures> {
    SYNCLINE_ASSIGN_OR_RETURN(const Measures measures,
                              MeasureLoad(bench, *server, shape, contents, load));
    return Measures{static_cast<double>(slice.count) / measures[kSeconds]};
  };
  const auto beside = [&]() -> absl::StatusOr<Measures> {
    SYNCLINE_RETURN_IF_ERROR(idle.Open());
    SYNCLINE_ASSIGN_OR_RETURN(Measures measures, alone());
    SYNCLINE_RETURN_IF_ERROR(idle.Close());
    return measures;
  };
  SYNCLINE_ASSIGN_OR_RETURN(const Pairs pairs, bench.Alternate(beside, alone));
  SYNCLINE_RETURN_IF_ERROR(idle.End());
  return Figures{{.id = "P10",
                  .name = "a stream with 500 idle ones / alone",
                  .unit = "rows/s",
                  .ours = Pairs::Pick(pairs.ours, 0),
                  .baseline = Pairs::Pick(pairs.baseline, 0),
                  .target = 0.95,
                  .better = Better::kHigher}};
}

}  // namespace syncline::bench

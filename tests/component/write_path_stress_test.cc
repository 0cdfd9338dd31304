// A server in this process under combined load: many writers of several streams, small blocks and
// little memory, cancelled calls, superseded writers, checkpoints, a watcher that reconnects, and
// cancelled syncs. At the end all counts must be exact.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/thread.h"
#include "client/sync_client.h"
#include "server/app.h"
#include "server/config/config.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/random_seed.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using testing::StatusIs;

constexpr char kSync[] = "stress";
constexpr int64_t kRecords = 8000;  // per writer
constexpr int64_t kBatch = 100;
constexpr int kWriters = 4;  // per stream

class WritePathStressTest : public testing::PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    std::ostringstream out;
    std::ostringstream err;
    const config::Loaded loaded = config::Load(
        {"--listen=127.0.0.1:0", "--metrics_listen=", "--ledger_schema=" + ledger(),
         "--default_schema=" + schema(), "--lanes_per_stream=3", "--load_threads=6",
         "--memory_budget_bytes=1MiB", "--flush_bytes=64KiB", "--max_message_bytes=1MiB",
         "--max_record_bytes=64KiB", "--flush_interval=500ms", "--log_level=error"},
        [this](const std::string& name) -> std::optional<std::string> {
          if (name == "SYNCLINE_POSTGRES_DSN") return dsn();
          return std::nullopt;
        },
        out, err);
    ASSERT_TRUE(loaded.config.has_value()) << err.str();
    ASSERT_OK_AND_ASSIGN(app_, App::Create(*loaded.config));
    ASSERT_OK_AND_ASSIGN(client_, Connect());
  }

  void TearDown() override {
    client_.reset();
    app_.reset();
    if (!schema().empty()) Execute("DROP SCHEMA IF EXISTS " + ledger() + " CASCADE");
    PostgresTest::TearDown();
  }

  std::string ledger() const { return schema() + "_l"; }

  absl::StatusOr<std::unique_ptr<client::SyncClient>> Connect() const {
    client::ConnectionOptions options;
    options.server = absl::StrCat("127.0.0.1:", app_->grpc_port());
    return client::SyncClient::Create(options);
  }

  // An append stream, a replaced stream and a deduplicated stream.
  v1::StartSyncRequest Request(const std::string& sync_id,
                               const std::vector<std::string>& tables) const {
    v1::StartSyncRequest request;
    request.set_sync_id(sync_id);
    for (const std::string& table : tables) {
      v1::StreamConfig& stream = *request.add_streams();
      stream.mutable_descriptor()->set_name(table);
      stream.set_json_schema(
          R"({"type":"object","properties":{"id":{"type":"integer"},"pad":{"type":"string"}}})");
      stream.set_write_mode(v1::WRITE_MODE_APPEND);
      if (table == "replaced") stream.set_overwrite(true);
      if (table == "merged") {
        stream.set_write_mode(v1::WRITE_MODE_DEDUP);
        stream.add_primary_key()->add_path("id");
      }
    }
    return request;
  }

  static v1::StreamRecordsRequest Header(const std::string& sync_id, const std::string& table,
                                         const std::string& writer) {
    v1::StreamRecordsRequest request;
    request.mutable_header()->set_sync_id(sync_id);
    request.mutable_header()->mutable_descriptor()->set_name(table);
    request.mutable_header()->set_writer_id(writer);
    return request;
  }

  // Records [begin, end) of a writer whose ids begin at `first_id`.
  static v1::StreamRecordsRequest Batch(int64_t begin, int64_t end, int64_t first_id) {
    v1::StreamRecordsRequest request;
    request.mutable_batch()->set_first_offset(begin);
    std::string* lines = request.mutable_batch()->mutable_jsonl();
    for (int64_t n = begin; n < end; ++n) {
      absl::StrAppend(lines, "{\"id\":", first_id + n, ",\"pad\":\"", std::string(200, 'x'),
                      "\"}\n");
    }
    return request;
  }

  static v1::StreamRecordsRequest CheckpointAt(int64_t offset) {
    v1::StreamRecordsRequest request;
    request.mutable_checkpoint()->set_checkpoint_id(absl::StrCat("at-", offset));
    request.mutable_checkpoint()->set_state(absl::StrCat("state ", offset));
    return request;
  }

  std::unique_ptr<App> app_;
  std::unique_ptr<client::SyncClient> client_;
};

// One writer of the caller. It sends until all its records are durable, whatever happens to its
// calls.
class StressedWriter {
 public:
  StressedWriter(client::SyncClient* client, const v1::StartSyncRequest& sync, std::string table,
                 int number, uint32_t seed)
      : client_(client),
        sync_(sync),
        table_(std::move(table)),
        writer_(absl::StrCat("w", number)),
        first_id_(number * kRecords),
        random_(seed) {}

  template <typename Test>
  void Run() {
    while (true) {
      int64_t offset = Durable();
      if (offset < 0) return;
      std::unique_ptr<client::RecordsCall> call = Open<Test>();
      std::unique_ptr<client::RecordsCall> older;
      // Some calls send everything; others end after a few batches.
      const bool to_the_end = Draw(3) == 0;
      int64_t left = to_the_end ? kRecords : 1 + Draw(8);
      offset -= std::min<int64_t>(offset, Draw(120));  // sends durable records again
      bool open = true;
      while (open && offset < kRecords && left > 0) {
        const int64_t end = std::min<int64_t>(kRecords, offset + 1 + Draw(2 * kBatch));
        open = call->Write(Test::Batch(offset, end, first_id_));
        offset = end;
        --left;
        if (open && (Draw(4) == 0 || end == kRecords)) open = call->Write(Test::CheckpointAt(end));
        if (left == 0 && older == nullptr && Draw(2) == 0) {
          older = std::exchange(call, Open<Test>());
          const int64_t durable = Durable();
          if (durable < 0) return;
          offset = durable;
          left = 1 + Draw(8);
        }
      }
      if (open && offset < kRecords && Draw(2) == 0) continue;  // cancelled
      const absl::StatusOr<v1::StreamRecordsResponse> response = call->Finish();
      if (response.ok() && older != nullptr) {
        EXPECT_THAT(older->Finish(), StatusIs(absl::StatusCode::kAborted, "FENCED"));
      }
      if (response.ok() && response->durable_offset() == kRecords) return;
      // A call that was abandoned a moment ago may claim the writer after this one did, so callers
      // retry.
      if (absl::IsAborted(response.status())) continue;
      // If the older call has claimed the writer last, and has committed, the offset that was read
      // since is beyond what this one has claimed. Then the older one is not fenced.
      if (older != nullptr && GetReason(response.status()) == "OFFSET_GAP") {
        EXPECT_OK(older->Finish());
        continue;
      }
      EXPECT_OK(response) << "only this thread uses the writer " << writer_;
      if (!response.ok()) return;
    }
  }

 private:
  int64_t Draw(int64_t below) { return static_cast<int64_t>(random_()) % below; }

  template <typename Test>
  std::unique_ptr<client::RecordsCall> Open() {
    std::unique_ptr<client::RecordsCall> call = client_->StreamRecords();
    call->Write(Test::Header(sync_.sync_id(), table_, writer_));
    return call;
  }

  // Returns the durable offset that a resuming caller gets, or -1 after a failure.
  int64_t Durable() {
    absl::StatusOr<v1::StartSyncResponse> started;
    do {
      started = client_->StartSync(sync_);
    } while (GetReason(started.status()) == "START_IN_PROGRESS");
    EXPECT_OK(started);
    if (!started.ok()) return -1;
    for (const v1::StreamPlan& stream : started->streams()) {
      if (stream.descriptor().name() != table_) continue;
      for (const v1::WriterPosition& writer : stream.writers()) {
        if (writer.writer_id() == writer_) return writer.durable_offset();
      }
    }
    return 0;
  }

  client::SyncClient* const client_;
  const v1::StartSyncRequest sync_;
  const std::string table_;
  const std::string writer_;
  const int64_t first_id_;
  std::mt19937 random_;
};

// Follows the sync to its end, with a new call every few events.
class StressedWatcher {
 public:
  explicit StressedWatcher(client::SyncClient* client) : client_(client) {}

  void Run() {
    while (!finished_) {
      const std::unique_ptr<client::WatchCall> watch = client_->WatchSync(kSync, sequence_);
      v1::WatchSyncResponse event;
      int64_t left = 20;
      while (left-- > 0 && watch->Read(&event)) {
        if (event.has_checkpoint_committed()) Note(event.checkpoint_committed());
        finished_ = finished_ || event.has_sync_finished();
      }
      if (left >= 0 && !finished_) {
        ADD_FAILURE() << "the watch ended: " << watch->Finish();
        return;
      }
    }
  }

  int64_t checkpoints() const { return checkpoints_; }
  // Records of each writer according to its checkpoints.
  const std::map<std::string, int64_t>& records() const { return records_; }

 private:
  void Note(const v1::CheckpointCommitted& checkpoint) {
    ++checkpoints_;
    EXPECT_GT(checkpoint.sequence(), sequence_);
    sequence_ = checkpoint.sequence();
    const std::string writer =
        absl::StrCat(checkpoint.descriptor().name(), "/", checkpoint.writer_id());
    records_[writer] += checkpoint.records_since_last();
    EXPECT_EQ(records_[writer], checkpoint.offset()) << writer;
    EXPECT_TRUE(seen_.insert(absl::StrCat(writer, "/", checkpoint.checkpoint_id())).second);
  }

  client::SyncClient* const client_;
  bool finished_ = false;
  int64_t sequence_ = 0;
  int64_t checkpoints_ = 0;
  std::map<std::string, int64_t> records_;
  std::set<std::string> seen_;
};

// Makes the fixture's messages available to the classes above.
class Stress : public WritePathStressTest {
 public:
  using WritePathStressTest::Batch;
  using WritePathStressTest::CheckpointAt;
  using WritePathStressTest::Header;
};

TEST_F(Stress, CountsAreExactAfterFailedCalls) {
  const std::vector<std::string> tables = {"appended", "replaced", "merged"};
  const v1::StartSyncRequest request = Request(kSync, tables);
  ASSERT_OK(client_->StartSync(request));
  std::mt19937 seeds(RandomSeed());
  StressedWatcher watcher(client_.get());
  auto watching = std::make_unique<Thread>("watch", [&] { watcher.Run(); });
  std::atomic<bool> stop = false;
  auto cancelling = std::make_unique<Thread>("cancel", [&] {
    for (int n = 0; !stop; ++n) {
      const std::string sync = absl::StrCat("cancelled-", n);
      EXPECT_OK(client_->StartSync(Request(sync, {"thrown_away"})));
      const std::unique_ptr<client::RecordsCall> call = client_->StreamRecords();
      call->Write(Header(sync, "thrown_away", "w"));
      for (int64_t batch = 0; batch < 5; ++batch) {
        call->Write(Batch(batch * 100, batch * 100 + 100, 0));
      }
      EXPECT_OK(client_->CancelSync(sync));
      EXPECT_THAT(call->Finish(), ::testing::Not(testing::IsOk()));
    }
  });
  {
    std::vector<std::unique_ptr<StressedWriter>> writers;
    std::vector<std::unique_ptr<Thread>> threads;
    for (const std::string& table : tables) {
      for (int n = 0; n < kWriters; ++n) {
        writers.push_back(
            std::make_unique<StressedWriter>(client_.get(), request, table, n, seeds()));
        threads.push_back(std::make_unique<Thread>(
            "writer", [writer = writers.back().get()] { writer->Run<Stress>(); }));
      }
    }
  }
  stop = true;
  cancelling.reset();
  for (const std::string& table : tables) {
    v1::CompleteStreamRequest completion;
    completion.set_sync_id(kSync);
    completion.mutable_descriptor()->set_name(table);
    completion.set_status(v1::STREAM_STATUS_COMPLETE);
    completion.set_expected_records(kWriters * kRecords);
    EXPECT_OK(client_->CompleteStream(completion));
    EXPECT_EQ(QueryInt("SELECT count(*) FROM " + Table(table)), kWriters * kRecords) << table;
    EXPECT_EQ(QueryInt("SELECT count(DISTINCT id) FROM " + Table(table)), kWriters * kRecords);
    EXPECT_EQ(QueryInt("SELECT count(DISTINCT _airbyte_raw_id) FROM " + Table(table)),
              kWriters * kRecords);
  }
  // The watch of a sync that cannot complete would never end.
  if (HasFailure()) {
    EXPECT_OK(client_->CancelSync(kSync));
  }
  watching.reset();
  EXPECT_EQ(watcher.records().size(), tables.size() * kWriters);
  for (const auto& [writer, records] : watcher.records()) EXPECT_EQ(records, kRecords) << writer;
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", ledger(), ".checkpoint c JOIN ",
                                  ledger(), ".sync USING (sync_no) WHERE sync_id = '", kSync, "'")),
            watcher.checkpoints());
  EXPECT_EQ(QueryInt("SELECT count(*) FROM " + ledger() + ".writer WHERE open_by IS NOT NULL"), 0);
}

// Records sent before the drain may or may not be committed, but every call is answered with its
// durable offset.
TEST_F(Stress, DrainingAnswersEveryCall) {
  const v1::StartSyncRequest request = Request(kSync, {"appended"});
  ASSERT_OK(client_->StartSync(request));
  std::vector<std::unique_ptr<client::RecordsCall>> calls;
  for (int n = 0; n < 20; ++n) {
    calls.push_back(client_->StreamRecords());
    calls.back()->Write(Header(kSync, "appended", absl::StrCat("w", n)));
    for (int64_t batch = 0; batch < 5; ++batch) {
      calls.back()->Write(Batch(batch * 10, batch * 10 + 10, n * 100));
    }
  }
  const Thread draining("drain", [this] { app_->Drain(); });
  for (const auto& call : calls) {
    EXPECT_THAT(call->Finish(),
                ::testing::AnyOf(testing::IsOk(), StatusIs(absl::StatusCode::kUnavailable)));
  }
  EXPECT_EQ(QueryInt("SELECT count(*) FROM " + Table("appended")),
            QueryInt("SELECT coalesce(sum(durable_offset), 0) FROM " + ledger() + ".writer"));
}

}  // namespace
}  // namespace syncline

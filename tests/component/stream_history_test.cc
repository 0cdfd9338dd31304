// Random histories of a stream against the real PostgreSQL: syncs that fail anywhere and run again
// with another catalog, through the writer, the lanes' buffers and the loaders. After every sync
// the table is compared with what the source's own view says that the user is owed
// (tests/support/stream_history.h).
//
// SYNCLINE_HISTORIES sets how many histories are run (1,500), SYNCLINE_TEST_SEED the first one;
// scripts/chaos --histories runs more.
#include "tests/support/stream_history.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/base/thread.h"
#include "server/metrics/metrics.h"
#include "server/model/names.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_schema.h"
#include "server/postgres/table_operations.h"
#include "server/sync/stream_session.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"
#include "tests/support/faulty_database.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/random_seed.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

constexpr int kHistories = 1500;
constexpr int kSyncs = 5;  // of one history
constexpr int kThreads = 2;

int Histories() {
  const char* const given = std::getenv("SYNCLINE_HISTORIES");
  return given != nullptr ? std::atoi(given) : kHistories;
}

// What the histories share.
struct World {
  postgres::Database* database = nullptr;
  const postgres::Ledger* ledger = nullptr;
  postgres::ConnectionPool* connections = nullptr;
  const postgres::DataCommitter* committer = nullptr;
  metrics::Metrics* metrics = nullptr;
  std::string schema;
};

// One history on a table of its own.
class HistoryRun {
 public:
  HistoryRun(const World& world, uint64_t seed)
      : world_(world),
        source_(seed),
        random_(seed),
        name_(absl::StrCat("h", seed)),
        database_(world.database),
        store_(&database_, world.connections, world.ledger, "histories") {
    load_.connections = world.connections;
    load_.committer = world.committer;
    load_.blocks = &blocks_;
    load_.wait = [](absl::Duration) { return false; };
  }

  // OK, or what went wrong, with the whole story.
  absl::Status Run() {
    for (int i = 0; i < kSyncs; ++i) {
      const HistorySync sync = source_.Next();
      absl::StrAppend(&story_, sync.ToString(), "\n");
      if (const absl::Status status = RunSync(sync); !status.ok())
        return Failure(status.ToString());
      if (const std::string fault = source_.SelfCheck(); !fault.empty()) return Failure(fault);
      SYNCLINE_ASSIGN_OR_RETURN(const std::string rows, TableRows());
      std::string owed;
      for (const HistoryRow& row : source_.Owed())
        absl::StrAppend(&owed, row.id, ":", row.version, " ");
      if (rows != owed) return Failure(absl::StrCat("has  ", rows, "\nowed ", owed));
    }
    return Drop();
  }

 private:
  absl::Status Failure(const std::string& what) const {
    return absl::InternalError(absl::StrCat("history ", name_, "\n", story_, what));
  }

  write::LoaderContext Context() { return {&database_, world_.ledger, {}}; }

  write::SyncDraft Draft(const HistorySync& sync) const {
    write::SyncDraft draft;
    draft.sync.sync_id = absl::StrCat(name_, "-", sync.version);
    draft.sync.request_digest = draft.sync.sync_id;
    StreamRecord stream;
    StreamPlan& plan = stream.plan;
    plan.descriptor = {"", name_};
    plan.table = {world_.schema, name_};
    plan.temp_table = TempTableName(plan.table);
    plan.write_mode = sync.mode;
    plan.replay = sync.replay;
    plan.schema.columns.push_back({"id", "id", ColumnType::kBigint});
    plan.schema.columns.push_back({"version", "version", ColumnType::kBigint});
    if (sync.mode == WriteMode::kDedup) {
      plan.schema.primary_key = {"id"};
      plan.schema.cursor = "version";
    }
    draft.requests.push_back({{sync.generation, sync.minimum, false},
                              {plan.descriptor, plan.table, true},
                              std::nullopt});
    draft.sync.streams.push_back(std::move(stream));
    return draft;
  }

  // Runs `call`, in some syncs with the database going away in the middle, until it has an answer.
  absl::Status Repeat(const std::function<absl::Status()>& call) {
    if (random_() % 5 == 0) {
      database_.CrashAt(static_cast<int64_t>(random_() % 30 + 1));
      call().IgnoreError();
      database_.Recover();
    }
    return call();
  }

  absl::Status RunSync(const HistorySync& sync) {
    const write::SyncDraft draft = Draft(sync);
    write::Writer writer(Context());
    write::StartedSync started;
    SYNCLINE_RETURN_IF_ERROR(Repeat([&]() -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(started, writer.Start(draft));
      return absl::OkStatus();
    }));
    const StreamPlan plan = started.sync.streams.front().plan;
    for (const HistoryPart& part : sync.parts) {
      SYNCLINE_RETURN_IF_ERROR(Send(started.sync, plan, sync, part));
    }
    switch (sync.end) {
      case HistoryEnd::kCut:
        return absl::OkStatus();
      case HistoryEnd::kCancelled:
        return Repeat([&] { return store_.CancelSync(draft.sync.sync_id).status(); });
      case HistoryEnd::kComplete:
      case HistoryEnd::kIncomplete:
      case HistoryEnd::kDiscard:
        break;
    }
    sync::SessionContext context;
    context.store = &store_;
    context.writer = &writer;
    context.metrics = world_.metrics;
    sync::StreamSession session(&context, started.sync.sync_no, started.sync.sync_id, plan);
    CompletionRequest request;
    request.complete = sync.end == HistoryEnd::kComplete;
    request.discard_staged = sync.end == HistoryEnd::kDiscard;
    return Repeat([&] { return session.Complete(request).status(); });
  }

  // Two commits: with the checkpoint, and after it.
  absl::Status Send(const SyncRecord& record, const StreamPlan& plan, const HistorySync& sync,
                    const HistoryPart& part) {
    SYNCLINE_ASSIGN_OR_RETURN(
        const postgres::ClaimedWriter claimed,
        store_.ClaimWriter(record.sync_no, plan.stream_no, absl::StrCat("w", part.partition)));
    write::InsertBuffer buffer(&load_, plan, record.sync_id, claimed.claim);
    const auto fill = [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        buffer.Append({i, 0, "{}"}, {Value::Scalar(HistoryId(part.partition, part.first + i)),
                                     Value::Scalar(sync.version)});
      }
      buffer.Cover({begin, end}, 0);
    };
    if (part.checkpoint > 0) {
      fill(0, part.checkpoint);
      SYNCLINE_RETURN_IF_ERROR(buffer.Flush({{"c", part.checkpoint, "state"}}).status());
    }
    if (part.durable > part.checkpoint) {
      fill(part.checkpoint, part.durable);
      SYNCLINE_RETURN_IF_ERROR(buffer.Flush({}).status());
    }
    store_.ReleaseWriter(claimed.claim);
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> TableRows() {
    std::string rows;
    const TableName table = {world_.schema, name_};
    SYNCLINE_RETURN_IF_ERROR(
        world_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
          SYNCLINE_ASSIGN_OR_RETURN(const bool exists, postgres::TableExists(transaction, table));
          if (!exists) return absl::OkStatus();
          SYNCLINE_ASSIGN_OR_RETURN(
              const postgres::Result result,
              transaction.Query(absl::StrCat(
                  "SELECT coalesce(string_agg(format('%s:%s ', id, version), '' ORDER BY id, "
                  "version), '') FROM ",
                  table.schema, ".", table.name)));
          rows = result.Text(0, 0);
          return absl::OkStatus();
        }));
    return rows;
  }

  // Thousands of tables would only make the catalog slow.
  absl::Status Drop() {
    return world_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
      const TableName table = {world_.schema, name_};
      SYNCLINE_RETURN_IF_ERROR(postgres::DropTable(transaction, TempTableName(table)));
      return postgres::DropTable(transaction, table);
    });
  }

  const World& world_;
  StreamHistory source_;
  std::mt19937_64 random_;
  const std::string name_;
  FaultyDatabase database_;
  write::StreamStateStore store_;
  FreeBlocks blocks_{write::kBlockBytes};
  write::LoadContext load_;
  std::string story_;
};

class StreamHistoryTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (schema().empty()) return;
    ledger_ = std::make_unique<postgres::Ledger>(schema() + "_ledger");
    ASSERT_OK(postgres::MigrateLedger(database(), ledger_->schema()));
    ConfigureLog(LogLevel::kError, LogFormat::kText);
  }
  void TearDown() override {
    if (ledger_ != nullptr) Execute(absl::StrCat("DROP SCHEMA ", ledger_->schema(), " CASCADE"));
    PostgresTest::TearDown();
  }

  std::unique_ptr<postgres::Ledger> ledger_;
};

TEST_F(StreamHistoryTest, TheTableHoldsWhatTheUserIsOwed) {
  ASSERT_OK_AND_ASSIGN(const auto metrics, metrics::Metrics::Create({.listen = ""}));
  postgres::ConnectionPool connections({.conninfo = dsn()});
  const postgres::DataCommitter committer(*ledger_);
  const World world = {&database(), ledger_.get(), &connections,
                       &committer,  metrics.get(), schema()};
  const uint64_t seed = RandomSeed();
  const int histories = Histories();
  std::atomic<int> next = 0;
  std::vector<absl::Status> failures(kThreads);
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (absl::Status& failure : failures) {
      threads.push_back(std::make_unique<Thread>("history", [&] {
        for (int i = next++; i < histories && failure.ok(); i = next++) {
          failure = HistoryRun(world, seed + static_cast<uint64_t>(i)).Run();
        }
      }));
    }
  }
  for (const absl::Status& failure : failures) EXPECT_OK(failure);
  std::printf("%d histories\n", histories);
}

}  // namespace
}  // namespace syncline::testing

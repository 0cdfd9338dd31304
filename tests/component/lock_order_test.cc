// No two operations of the ledger wait for each other: every pair of them runs at the same time
// against the same tables, and all of them together, without a deadlock.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/mutex.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "server/metrics/metrics.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"
#include "tests/component/ledger_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

// Counts the transactions that failed with a conflict, and does not repeat them.
class ConflictCounter final : public postgres::Database {
 public:
  explicit ConflictCounter(postgres::Database* real) : real_(real) {}

  absl::Status Transact(absl::FunctionRef<absl::Status(postgres::Transaction&)> body,
                        const postgres::TransactOptions& options) override {
    postgres::TransactOptions once = options;
    once.retry_conflicts = false;
    const absl::Status status = real_->Transact(body, once);
    Note(status);
    return status;
  }
  using postgres::Database::Transact;
  absl::Status ExecuteAlone(absl::string_view sql) override { return real_->ExecuteAlone(sql); }
  absl::Status Ping() override { return real_->Ping(); }
  Usage usage() const override { return real_->usage(); }

  void Note(const absl::Status& status) {
    if (!postgres::IsConflict(status)) return;
    ++conflicts_;
    ADD_FAILURE() << status;
  }
  int conflicts() const { return conflicts_; }

 private:
  postgres::Database* const real_;
  std::atomic<int> conflicts_ = 0;
};

class LockOrderTest : public LedgerFixture {
 protected:
  struct Operation {
    const char* name;
    std::function<void(std::mt19937&)> run;
  };

  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    postgres::DatabaseOptions options;
    options.conninfo = dsn();
    options.max_connections = 16;
    ASSERT_OK_AND_ASSIGN(real_, postgres::Database::Create(options));
    database_ = std::make_unique<ConflictCounter>(real_.get());
    store_ = std::make_unique<write::StreamStateStore>(database_.get(), connections_.get(),
                                                       ledger_.get(), "here");
    write::LoaderContext loaders;
    loaders.database = database_.get();
    loaders.ledger = ledger_.get();
    writer_ = std::make_unique<write::Writer>(loaders);
    metrics_ = metrics::Metrics::Create({});
  }

  void TearDown() override {
    if (connections_ != nullptr) connections_->CloseIdle();
    LedgerFixture::TearDown();
  }

  static constexpr std::array kTables = {"t1", "t2", "t3"};

  void AddStream(size_t table, std::mt19937& random, write::SyncDraft* draft) {
    const std::string name = kTables.at(table);
    StreamEntry stream;
    stream.plan.descriptor = {schema(), name};
    stream.plan.table = {schema(), name};
    stream.plan.temp_table = {schema(), absl::StrCat(name, "_temp")};
    stream.plan.schema.columns.push_back({"id", "id", ColumnType::kBigint});
    if (random() % 3 == 0) {
      stream.plan.write_mode = WriteMode::kDedup;
      stream.plan.schema.primary_key = {"id"};
    }
    draft->sync.streams.push_back(stream);
    draft->requests.push_back(
        {{}, {stream.plan.descriptor, stream.plan.table, true}, std::nullopt});
  }

  // Adds a stream to a sync, which may take over one of another sync, or finishes the sync.
  void Extend(std::mt19937& random) {
    write::SyncDraft draft;
    draft.extend = true;
    draft.sync.sync_id = Pick(random).sync_id;
    if (random() % 3 > 0) AddStream(random() % kTables.size(), random, &draft);
    database_->Note(writer_->Start(draft).status());
  }

  // Starts a sync of two of three tables, which may take over streams of earlier ones, and claims
  // a writer of each.
  void Start(std::mt19937& random) {
    write::SyncDraft draft;
    draft.sync.sync_id = absl::StrCat("sync", ++started_);
    draft.sync.extensible = random() % 2 == 0;
    const size_t first = random() % kTables.size();
    AddStream(first, random, &draft);
    AddStream((first + 1 + random() % 2) % kTables.size(), random, &draft);
    const absl::StatusOr<write::StartedSync> started = writer_->Start(draft);
    if (!started.ok()) return database_->Note(started.status());
    {
      MutexLock lock(&mutex_);
      syncs_.push_back(started->sync);
      if (syncs_.size() > 4) syncs_.erase(syncs_.begin());
    }
    for (int n = 0; n < 4; ++n) Claim(random);
  }

  SyncEntry Pick(std::mt19937& random) {
    MutexLock lock(&mutex_);
    return syncs_[random() % syncs_.size()];
  }
  StreamEntry PickStream(std::mt19937& random) {
    const SyncEntry sync = Pick(random);
    return sync.streams[random() % sync.streams.size()];
  }

  void Claim(std::mt19937& random) {
    const SyncEntry sync = Pick(random);
    const StreamPlan& plan = sync.streams[random() % sync.streams.size()].plan;
    const absl::StatusOr<ClaimedWriter> claimed =
        store_->ClaimWriter(sync.sync_no, plan.stream_no, absl::StrCat("w", random() % 2));
    if (!claimed.ok()) return database_->Note(claimed.status());
    MutexLock lock(&mutex_);
    claims_.push_back({claimed->claim, plan.descriptor});
    if (claims_.size() > 12) claims_.erase(claims_.begin());
  }

  struct Claimed {
    WriterClaim claim;
    StreamDescriptor descriptor;
  };
  Claimed PickClaim(std::mt19937& random) {
    MutexLock lock(&mutex_);
    return claims_.empty() ? Claimed{} : claims_[random() % claims_.size()];
  }

  void Commit(std::mt19937& random) {
    const Claimed claimed = PickClaim(random);
    const WriterClaim& claim = claimed.claim;
    const absl::StatusOr<postgres::ConnectionPool::Lease> lane = connections_->Acquire();
    ASSERT_OK(lane);
    const auto offset = static_cast<int64_t>(random() % 1'000'000'000);
    postgres::DataCommit commit;
    commit.offsets.Add({offset, offset + 1});
    commit.rejected.push_back({offset, "INVALID_JSON", "bad"});
    commit.fields["f"].nulled = 1;
    ASSERT_OK((*lane)->Begin());
    const absl::Status status = [&]() -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(committer_->AdvanceOffset(**lane, claim, commit).status());
      SYNCLINE_RETURN_IF_ERROR(
          committer_->WriteRejected(**lane, claim, commit.rejected, int64_t{1} << 20));
      SYNCLINE_RETURN_IF_ERROR(committer_->WriteCounts(**lane, claim, commit.fields));
      PendingCheckpoint global = {absl::StrCat("g", offset), 0, "s"};
      global.positions.push_back({claimed.descriptor, claim.writer_id, 0});
      SYNCLINE_RETURN_IF_ERROR(committer_->WriteCheckpoints(
          **lane, claim, {{absl::StrCat(offset % 100), 0, "s"}, global}));
      return (*lane)->Commit();
    }();
    if (status.ok()) return;
    database_->Note(status);
    (*lane)->Rollback();
  }

  void Complete(std::mt19937& random) {
    const StreamEntry picked = PickStream(random);
    CompletionRequest request;
    request.complete = random() % 2 == 0;
    const absl::StatusOr<StreamEntry> begun =
        store_->BeginCompletion(picked.plan.stream_no, request);
    if (!begun.ok() || begun->state != StreamState::kFinalizing) return;
    const auto metrics = metrics_->ForStream("n", "t", 1);
    writer_->LoaderFor(begun->plan)->Complete(*begun, request, *metrics).IgnoreError();
  }

  void Number(std::mt19937& random) {
    std::vector<int64_t> sync_nos;
    {
      MutexLock lock(&mutex_);
      for (const SyncEntry& sync : syncs_) sync_nos.push_back(sync.sync_no);
    }
    store_->NumberCheckpoints(sync_nos).IgnoreError();
    store_->NumberCheckpoints({sync_nos[random() % sync_nos.size()]}).IgnoreError();
  }

  std::vector<Operation> Operations() {
    return {
        {"start", [this](std::mt19937& random) { Start(random); }},
        {"extend", [this](std::mt19937& random) { Extend(random); }},
        {"claim", [this](std::mt19937& random) { Claim(random); }},
        {"commit", [this](std::mt19937& random) { Commit(random); }},
        {"release",
         [this](std::mt19937& random) {
           store_->ReleaseWriter(PickClaim(random).claim, absl::CancelledError());
         }},
        {"renew lease",
         [this](std::mt19937&) { store_->RenewLease(absl::Minutes(1)).IgnoreError(); }},
        {"complete", [this](std::mt19937& random) { Complete(random); }},
        {"cancel",
         [this](std::mt19937& random) { store_->CancelSync(Pick(random).sync_id).IgnoreError(); }},
        {"read stream",
         [this](std::mt19937& random) {
           store_->GetSettledStream(PickStream(random).plan.stream_no).IgnoreError();
         }},
        {"note failure",
         [this](std::mt19937& random) {
           store_->NoteFailure(PickStream(random).plan.stream_no, absl::AbortedError("x"))
               .IgnoreError();
         }},
        {"number", [this](std::mt19937& random) { Number(random); }},
        {"drop states",
         [this](std::mt19937&) { store_->DropAllStates([] { return true; }).IgnoreError(); }},
        {"remove",
         [this](std::mt19937&) {
           store_->RemoveOldSyncs(absl::ZeroDuration(), [] { return true; }).IgnoreError();
         }},
    };
  }

  // Runs `operations` for `time`, each on a thread of its own, and one more that starts syncs.
  void RunAtOnce(const std::vector<Operation>& operations, absl::Duration time) {
    std::vector<Operation> all = operations;
    all.push_back({"start", [this](std::mt19937& random) {
                     Start(random);
                     absl::SleepFor(absl::Milliseconds(5));
                   }});
    const absl::Time until = absl::Now() + time;
    std::vector<std::unique_ptr<Thread>> threads;
    for (const Operation& operation : all) {
      threads.push_back(std::make_unique<Thread>("operation", [&operation, until, this] {
        std::mt19937 random(seed_++);
        while (absl::Now() < until) operation.run(random);
      }));
    }
  }

  // Returns how many deadlocks the test's database has had.
  int64_t Deadlocks() {
    return QueryInt("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
  }

  std::unique_ptr<postgres::Database> real_;
  std::unique_ptr<ConflictCounter> database_;
  std::unique_ptr<write::StreamStateStore> store_;
  std::unique_ptr<write::Writer> writer_;
  std::unique_ptr<metrics::Metrics> metrics_;
  std::atomic<int> started_ = 0;
  std::atomic<unsigned> seed_ = 1;
  Mutex mutex_;
  std::vector<SyncEntry> syncs_ ABSL_GUARDED_BY(mutex_);
  std::vector<Claimed> claims_ ABSL_GUARDED_BY(mutex_);
};

TEST_F(LockOrderTest, NoPairOfOperationsDeadlocks) {
  std::mt19937 random(0);
  for (int n = 0; n < 3; ++n) Start(random);
  const std::vector<Operation> operations = Operations();
  for (size_t a = 0; a < operations.size(); ++a) {
    for (size_t b = a; b < operations.size(); ++b) {
      RunAtOnce({operations[a], operations[b]}, absl::Milliseconds(60));
      ASSERT_EQ(database_->conflicts(), 0) << operations[a].name << " with " << operations[b].name;
    }
  }
  EXPECT_EQ(Deadlocks(), 0);
}

TEST_F(LockOrderTest, AllOperationsTogetherDoNotDeadlock) {
  std::mt19937 random(0);
  for (int n = 0; n < 3; ++n) Start(random);
  std::vector<Operation> operations = Operations();
  for (const Operation& operation : Operations()) operations.push_back(operation);
  RunAtOnce(operations, absl::Seconds(3));
  EXPECT_EQ(database_->conflicts(), 0);
  EXPECT_EQ(Deadlocks(), 0);
}

}  // namespace
}  // namespace syncline::testing

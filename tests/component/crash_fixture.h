// CrashTest: takes the database away between any two statements of starting or completing a stream,
// and around every COMMIT. Repeating the call must lead to the same state as an undisturbed run.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "server/metrics/metrics.h"
#include "server/model/names.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/ledger/ledger_migration.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/sync/stream_session.h"
#include "server/write/stream_state_store.h"
#include "server/write/writer.h"
#include "tests/support/faulty_database.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/sanitized.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

enum class End { kOpen, kComplete, kIncomplete, kCancelled };

// One sync of the table: its mode and generation, the ids of its rows and how it ends.
struct Step {
  WriteMode mode = WriteMode::kAppend;
  int64_t generation = 0;
  int64_t minimum = 0;
  std::vector<int> ids;
  End end = End::kComplete;
  ReplaceStrategy strategy = ReplaceStrategy::kAuto;
  TableMeta meta = TableMeta::kFull;
};

// Sanitizers make a run several times as long, and find their faults in some of the events, too.
inline constexpr int64_t kStride = kSanitized ? 4 : 1;

inline constexpr WriteMode kAppend = WriteMode::kAppend;
inline constexpr WriteMode kDedup = WriteMode::kDedup;

class CrashTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (schema().empty()) return;
    ledger_ = std::make_unique<postgres::Ledger>(schema() + "_ledger");
    ASSERT_OK(postgres::MigrateLedger(database(), ledger_->schema()));
    healthy_ = std::make_unique<FaultyDatabase>(&database());
    faulty_ = std::make_unique<FaultyDatabase>(&database());
    ConfigureLog(LogLevel::kError, LogFormat::kText);
    Execute("SET synchronous_commit = off");
    metrics_ = metrics::Metrics::Create({});
  }

  void TearDown() override {
    if (ledger_ != nullptr) Execute(absl::StrCat("DROP SCHEMA ", ledger_->schema(), " CASCADE"));
    PostgresTest::TearDown();
  }

  void Reset() {
    const std::string& l = ledger_->schema();
    const std::string tables = "SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND ";
    for (const auto& t : QueryText(tables + IsOurs())) Execute("DROP TABLE " + t[0] + " CASCADE");
    Execute(absl::StrCat("DROP SCHEMA ", schema(), " CASCADE; CREATE SCHEMA ", schema(),
                         "; TRUNCATE ", l, ".sync, ", l, ".generation, ", l, ".stream_table, ", l,
                         ".writer, ", l, ".table_column, ", l, ".table_index, ", l,
                         ".staging RESTART IDENTITY CASCADE"));
  }

  // The SQL condition that a relation of pg_class is a user's or a staging table.
  std::string IsOurs() const {
    return absl::StrCat("(relnamespace = '", schema(), "'::regnamespace OR relnamespace = '",
                        ledger_->schema(), "'::regnamespace AND relname LIKE '\\_syncline%')");
  }

  write::LoaderContext Context(postgres::Database* database) const {
    return {database, ledger_.get(), {}};
  }

  TableSchema Schema(const Step& step, bool wide) const {
    TableSchema columns;
    columns.columns.push_back({"id", "id", ColumnType::kBigint});
    columns.columns.push_back({"name", "name", ColumnType::kVarchar});
    if (wide) columns.columns.push_back({"city", "city", ColumnType::kVarchar});
    if (step.mode == kDedup) columns.primary_key = {"id"};
    columns.meta = step.meta;
    return columns;
  }

  // `wide` adds one column.
  write::SyncDraft Draft(const std::string& sync_id, const Step& step, bool wide = false,
                         const std::vector<std::string>& tables = {"users"}) const {
    write::SyncDraft draft;
    draft.sync.sync_id = sync_id;
    draft.sync.request_digest = sync_id;
    for (const std::string& table : tables) {
      StreamEntry stream;
      stream.plan.descriptor = {"", table};
      stream.plan.table = {schema(), table};
      stream.plan.temp_table = GetStagingTableName(stream.plan.table, ledger_->schema());
      stream.plan.write_mode = step.mode;
      stream.plan.replace_strategy = step.strategy;
      stream.plan.schema = Schema(step, wide);
      draft.sync.streams.push_back(stream);
      draft.requests.push_back({{step.generation, step.minimum, false},
                                {stream.plan.descriptor, stream.plan.table, true},
                                std::nullopt});
    }
    return draft;
  }

  absl::StatusOr<write::StartedSync> Start(postgres::Database* database,
                                           const write::SyncDraft& draft) const {
    return write::Writer(Context(database)).Start(draft);
  }

  // Completes a stream like CompleteStream on any replica.
  absl::Status Complete(postgres::Database* database, const SyncEntry& sync, bool complete) const {
    write::Writer writer(Context(database));
    write::StreamStateStore store(database, &connections_, ledger_.get(), "crash_test");
    sync::SessionContext context;
    context.store = &store;
    context.writer = &writer;
    context.metrics = metrics_.get();
    sync::StreamSession session(&context, sync.sync_no, sync.sync_id, sync.streams[0].plan);
    return session.Complete({complete, std::nullopt}).status();
  }

  // Inserts in SQL the rows that the lanes would load.
  void AddRows(const StreamPlan& plan, const std::vector<int>& ids) {
    std::string sql;
    for (const int id : ids) {
      std::string meta;
      if (plan.schema.meta == TableMeta::kFull) {
        meta = absl::StrCat("'raw-", plan.stream_no, "-", id, "', '2024-01-01', '{}', ",
                            plan.generation_id, ", ");
      }
      absl::StrAppend(&sql, "INSERT INTO ", postgres::QuoteTable(plan.load_table()), " VALUES (",
                      meta, id, ", 'of sync ", plan.stream_no, "');");
    }
    absl::StrAppend(&sql, "INSERT INTO ", ledger_->schema(),
                    ".writer (stream_no, writer_id, epoch, committed, durable_offset, "
                    "rows_written, bytes) VALUES (",
                    plan.stream_no, ", '', 1, '{[0,", ids.size(), ")}', ", ids.size(), ", ",
                    ids.size(), ", ", 10 * ids.size(), ")");
    Execute(sql);
  }

  // Runs a whole sync without a crash.
  void RunWithoutCrash(const std::string& sync_id, const Step& step) {
    ASSERT_OK_AND_ASSIGN(const write::StartedSync started,
                         Start(healthy_.get(), Draft(sync_id, step)));
    AddRows(started.sync.streams[0].plan, step.ids);
    if (step.end == End::kCancelled) {
      write::StreamStateStore store(healthy_.get(), &connections_, ledger_.get(), "crash_test");
      ASSERT_OK(store.CancelSync(sync_id));
    } else if (step.end != End::kOpen) {
      ASSERT_OK(Complete(healthy_.get(), started.sync, step.end == End::kComplete));
    }
  }

  void Past(const std::vector<Step>& past) {
    Reset();
    for (size_t i = 0; i < past.size(); ++i) RunWithoutCrash(absl::StrCat("past", i), past[i]);
  }

  // Relations with columns, indexes and rows, staging tables included, and the ledger.
  std::string State() {
    std::string state;
    const auto add = [&](const std::string& sql) {
      for (const auto& row : QueryText(sql)) {
        absl::StrAppend(&state, absl::StrJoin(row, "|"), "\n");
      }
    };
    add(
        absl::StrCat("SELECT c.relname, c.relkind, (SELECT string_agg(format('%s %s %s', attname, "
                     "atttypid::regtype, attnotnull), ', ' ORDER BY attnum) FROM pg_attribute a "
                     "WHERE a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped) FROM pg_class "
                     "c WHERE ",
                     IsOurs(), " ORDER BY 1"));
    for (const auto& table : QueryText(
             absl::StrCat("SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'v') AND ",
                          IsOurs(), " ORDER BY relname"))) {
      add(absl::StrCat("SELECT t::text FROM ", table[0], " t ORDER BY 1"));
    }
    const std::string& l = ledger_->schema();
    add(absl::StrCat("SELECT sync_id, state FROM ", l, ".sync ORDER BY sync_no"));
    add(absl::StrCat(
        "SELECT c.relname, a.attname, pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN "
        "pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum JOIN pg_class c ON "
        "c.oid = d.adrelid WHERE ",
        IsOurs(), " ORDER BY 1, 2"));
    add(
        absl::StrCat("SELECT table_name, loader, generation_id, state, outcome, result_rows, "
                     "meta_default FROM ",
                     l, ".stream ORDER BY stream_no"));
    add(
        absl::StrCat("SELECT table_name, generation_id, sync_id, state, rows, bytes, completed_at "
                     "IS NULL FROM ",
                     l, ".generation ORDER BY 1, 2"));
    add(absl::StrCat("SELECT stream_no, durable_offset FROM ", l, ".writer ORDER BY 1"));
    return state;
  }

  // Runs `act` with a crash at each event in turn, and then again without one. Runs `prepare`
  // before each crash.
  void CrashEverywhere(const std::function<void()>& prepare,
                       const std::function<absl::Status(postgres::Database*)>& act) {
    prepare();
    ASSERT_OK(act(healthy_.get()));
    const std::string undisturbed = State();
    int64_t event = 0;
    while (!HasFailure()) {
      event += kStride;
      SCOPED_TRACE(absl::StrCat("crash at event ", event));
      prepare();
      faulty_->CrashAt(event);
      act(faulty_.get()).IgnoreError();
      const bool crashed = faulty_->crashed();
      faulty_->Recover();
      ASSERT_OK(act(healthy_.get()));
      EXPECT_EQ(State(), undisturbed);
      if (!crashed) break;
    }
    EXPECT_GT(event, 4) << "too few statements were run";
  }

  void CrashInStart(const std::vector<Step>& past, const Step& step) {
    CrashEverywhere([&] { Past(past); },
                    [&](postgres::Database* database) {
                      return Start(database, Draft("last", step, /*wide=*/true)).status();
                    });
  }

  void CrashInComplete(const std::vector<Step>& past, const Step& step) {
    write::StartedSync started;
    CrashEverywhere(
        [&] {
          Past(past);
          if (QueryValue(absl::StrCat("SELECT to_regclass('", Table("users"), "') IS NOT NULL")) ==
              "t") {
            Execute(absl::StrCat("CREATE VIEW ", Table("people"), " AS SELECT id, name FROM ",
                                 Table("users")));
          }
          ASSERT_OK_AND_ASSIGN(started, Start(healthy_.get(), Draft("last", step)));
          AddRows(started.sync.streams[0].plan, step.ids);
        },
        [&](postgres::Database* database) {
          return Complete(database, started.sync, step.end == End::kComplete);
        });
  }

  std::unique_ptr<postgres::Ledger> ledger_;
  mutable postgres::ConnectionPool connections_{{}};  // for writers, of which there are none
  std::unique_ptr<FaultyDatabase> healthy_;           // never crashes
  std::unique_ptr<FaultyDatabase> faulty_;
  std::unique_ptr<metrics::Metrics> metrics_;
};

}  // namespace syncline::testing

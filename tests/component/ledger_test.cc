// The ledger on a real database: positions, epochs, checkpoints, completion, and concurrent
// updates.
#include "server/postgres/ledger/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "server/postgres/ledger/change_feed.h"
#include "server/postgres/ledger/checkpoint_reader.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger_migration.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/write/stream_state_store.h"
#include "tests/component/ledger_fixture.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using absl::StatusCode;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class LedgerTest : public LedgerFixture {
 protected:
  void SetUp() override {
    LedgerFixture::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    store_ = std::make_unique<write::StreamStateStore>(&database(), connections_.get(),
                                                       ledger_.get(), "here");
    ASSERT_OK(store_->RenewLease(absl::Minutes(10)));
    lane_ = Connect();
  }

  static StreamPlan Plan(const std::string& name) {
    StreamPlan plan;
    plan.descriptor = {"space", name};
    plan.table = {"space", name};
    plan.temp_table = {"space", name + "_temp"};
    plan.schema.columns = {{"Id", "id", ColumnType::kBigint}, {"N m", "n_m", ColumnType::kVarchar}};
    plan.schema.primary_key = {"id", "n_m"};
    plan.schema.cursor = "id";
    plan.write_mode = WriteMode::kDedup;
    plan.loader = LoaderKind::kDedup;
    plan.generation_id = 7;
    plan.airbyte_sync_id = 42;
    return plan;
  }

  SyncEntry Insert(const std::string& sync_id, const std::vector<StreamPlan>& plans) {
    SyncEntry sync;
    sync.sync_id = sync_id;
    sync.connection_id = "owner";
    sync.request_digest = "digest";
    for (const StreamPlan& plan : plans) {
      StreamEntry stream;
      stream.plan = plan;
      sync.streams.push_back(stream);
    }
    EXPECT_OK(database().Transact([&](postgres::Transaction& transaction) -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(ledger_->InsertSync(transaction, &sync));
      return ledger_->MarkRunning(transaction, sync.sync_no);
    }));
    return sync;
  }
  SyncEntry Insert(const std::string& sync_id) { return Insert(sync_id, {Plan("people")}); }

  WriterClaim Claim(const SyncEntry& sync, const std::string& writer_id = "") {
    absl::StatusOr<ClaimedWriter> claimed =
        store_->ClaimWriter(sync.sync_no, sync.streams[0].plan.stream_no, writer_id);
    EXPECT_OK(claimed);
    return claimed.ok() ? claimed->claim : WriterClaim{};
  }

  static postgres::DataCommit Records(int64_t begin, int64_t end) {
    postgres::DataCommit commit;
    commit.offsets.Add({begin, end});
    commit.rows = end - begin;
    commit.bytes = 10 * (end - begin);
    return commit;
  }

  // Runs a data transaction without rows.
  absl::StatusOr<int64_t> Commit(const WriterClaim& claim, const postgres::DataCommit& commit,
                                 const std::vector<PendingCheckpoint>& checkpoints = {}) {
    SYNCLINE_RETURN_IF_ERROR(lane_->Begin());
    const absl::StatusOr<int64_t> durable = [&]() -> absl::StatusOr<int64_t> {
      SYNCLINE_ASSIGN_OR_RETURN(const int64_t offset,
                                committer_->AdvanceOffset(*lane_, claim, commit));
      SYNCLINE_RETURN_IF_ERROR(
          committer_->WriteRejected(*lane_, claim, commit.rejected, int64_t{1} << 20));
      SYNCLINE_RETURN_IF_ERROR(committer_->WriteCounts(*lane_, claim, commit.fields));
      SYNCLINE_RETURN_IF_ERROR(committer_->WriteCheckpoints(*lane_, claim, checkpoints));
      return offset;
    }();
    if (!durable.ok()) {
      lane_->Rollback();
      return durable;
    }
    SYNCLINE_RETURN_IF_ERROR(lane_->Commit());
    return durable;
  }

  std::vector<CommittedCheckpoint> ReadCheckpoints(const SyncEntry& sync, int64_t after_sequence) {
    CheckpointQuery query;
    query.sync_no = sync.sync_no;
    query.after_sequence = after_sequence;
    query.max_bytes = int64_t{1} << 20;
    const absl::StatusOr<CheckpointPage> page =
        postgres::ReadCheckpointPage(*lane_, ledger_->quoted_schema(), query);
    EXPECT_OK(page);
    return page.ok() ? page->checkpoints : std::vector<CommittedCheckpoint>();
  }

  absl::StatusOr<StreamEntry> BeginCompletion(const SyncEntry& sync, bool complete = true,
                                              std::optional<int64_t> expected = std::nullopt) {
    CompletionRequest request;
    request.complete = complete;
    request.expected_records = expected;
    return store_->BeginCompletion(sync.streams[0].plan.stream_no, request);
  }

  absl::Status Finish(const StreamEntry& stream, StreamState state, StreamResult result) {
    return database().Transact([&](postgres::Transaction& transaction) {
      return ledger_->FinishStream(transaction, stream, state, result);
    });
  }

  // Takes over the streams that conflict with a new one, and ends their syncs.
  std::vector<int64_t> Supersede(const StreamPlan& plan) {
    std::vector<int64_t> syncs;
    EXPECT_OK(database().Transact([&](postgres::Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(syncs, ledger_->SupersedeStreams(transaction, {plan}, {}));
      return ledger_->FinishSyncs(transaction, syncs);
    }));
    return syncs;
  }

  std::string WriterRow() {
    const auto rows = QueryText(absl::StrCat(
        "SELECT committed, durable_offset, rows_written, records_rejected, bytes FROM ", schema(),
        ".writer ORDER BY writer_id LIMIT 1"));
    return rows.empty() ? "" : absl::StrJoin(rows[0], " ");
  }

  std::unique_ptr<write::StreamStateStore> store_;
  std::unique_ptr<postgres::Connection> lane_;
};

TEST_F(LedgerTest, MigratingTwiceChangesNothing) {
  const std::string applied =
      absl::StrCat("SELECT count(*), max(applied_at) FROM ", schema(), ".migration");
  const auto before = QueryText(applied);
  ASSERT_OK(postgres::MigrateLedger(database(), schema()));
  EXPECT_EQ(QueryText(applied), before);
}

TEST_F(LedgerTest, OlderLedgerIsMigrated) {
  const int64_t stream_no = Insert("one").streams[0].plan.stream_no;
  Downgrade();
  Execute(absl::StrCat("ALTER TABLE ", schema(), ".stream DROP staged_alone; DELETE FROM ",
                       schema(), ".migration WHERE version > 1"));
  ASSERT_OK(postgres::MigrateLedger(database(), schema()));
  // It is unknown what else is in the staging table of a stream that began before the migration.
  EXPECT_FALSE(store_->GetStream(stream_no)->staged_alone);
  ASSERT_OK(database().Transact([&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(StreamEntry stream, ledger_->LockStream(transaction, stream_no));
    stream.staged_alone = true;
    stream.plan.restart = true;
    stream.warnings.push_back({"TABLE_MISSING", "the table was dropped"});
    return postgres::NoteStart(transaction, *ledger_, stream);
  }));
  ASSERT_OK_AND_ASSIGN(const StreamEntry noted, store_->GetStream(stream_no));
  EXPECT_TRUE(noted.staged_alone);
  EXPECT_TRUE(noted.plan.restart);
  ASSERT_EQ(noted.warnings.size(), 1);
  EXPECT_EQ(noted.warnings[0].code, "TABLE_MISSING");
}

// The streams in a ledger of version 2: sync, namespace, name, table, columns and state.
TEST_F(LedgerTest, NamesOfOlderLedgerAreAdopted) {
  Downgrade();
  const auto insert = [&](const std::string& sync, const std::string& space,
                          const std::string& name, const std::string& table,
                          const std::string& columns, const std::string& state) {
    Execute(absl::StrCat(
        "WITH s AS (INSERT INTO ", schema(),
        ".sync (sync_id, connection_id, request_digest, state) "
        "VALUES ('",
        sync, "', '', '', 'finished') RETURNING sync_no) INSERT INTO ", schema(),
        ".stream (sync_no, ordinal, namespace, name, table_schema, table_name, temp_table_name, "
        "column_inputs, column_names, column_types, json_shapes, primary_key, write_mode, loader, "
        "generation_id, minimum_generation_id, airbyte_sync_id, state) SELECT sync_no, 0, '",
        space, "', '", name, "', 'ns', '", table, "', 'x', ", columns,
        ", '{}', '{}', '{}', 'append', 'append', 1, 0, 0, '", state, "' FROM s"));
  };
  const std::string none = "'{}', '{}'";
  insert("1", "", "a.b", "a_b_12345678", none, "completed");
  insert("2", "", "a_b", "a_b", "'{\u00e9,E}', '{E_1,E}'", "completed");
  insert("3", "", "a.b", "a_b", "'{\u00e9}', '{E}'", "completed");  // alone, in the wrong table
  insert("4", "ns", "a_b", "a_b", "'{id}', '{id}'", "cancelled");   // the default namespace by name
  insert("5", "other", "t", "t", none, "completed");
  insert("6", "o.t.h", "t", "t", none, "open");
  ASSERT_OK(postgres::MigrateLedger(database(), schema()));
  EXPECT_EQ(QueryValue(absl::StrCat(
                "SELECT string_agg(concat_ws(' ', namespace, name, coalesce(table_name, '-'), "
                "split_from), ', ' ORDER BY namespace, name) FROM ",
                schema(), ".stream_table")),
            "ns a.b a_b, ns a_b - a_b, o.t.h t - t, other t t");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT string_agg(input_name || ' ' || column_name, ', ' "
                                    "ORDER BY column_name) FROM ",
                                    schema(), ".table_column")),
            "\u00e9 E, id id");
}

TEST_F(LedgerTest, NewerLedgerIsServedUnlessItForbidsIt) {
  Execute(absl::StrCat("INSERT INTO ", schema(), ".migration (version) VALUES (1000)"));
  EXPECT_OK(postgres::MigrateLedger(database(), schema()));
  Execute(absl::StrCat("UPDATE ", schema(),
                       ".migration SET minimum_server = 999 "
                       "WHERE version = 1000"));
  const absl::Status refused = postgres::MigrateLedger(database(), schema());
  EXPECT_EQ(GetReason(refused), "LEDGER_TOO_NEW");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("999"));
  EXPECT_EQ(GetReason(postgres::CheckLedger(database(), schema())), "LEDGER_TOO_NEW");
}

TEST_F(LedgerTest, MissingPrivilegeIsNamedWithItsGrant) {
  const std::string role = schema() + "_role";
  Execute(absl::StrCat("CREATE ROLE ", role));
  postgres::DatabaseOptions options;
  options.conninfo = absl::StrCat(dsn(), " options='-c role=", role, "'");
  ASSERT_OK_AND_ASSIGN(const auto as_role, postgres::Database::Create(options));
  const auto refusal = [&](const std::string& ledger) {
    const absl::Status status = postgres::MigrateLedger(*as_role, ledger);
    EXPECT_EQ(GetReason(status), "DB_PERMISSION_DENIED");
    return std::string(status.message());
  };
  const std::string fresh = schema() + "_fresh";
  EXPECT_THAT(refusal(fresh),
              AllOf(HasSubstr("GRANT CREATE ON DATABASE "), HasSubstr(absl::StrCat(" TO ", role)),
                    HasSubstr(absl::StrCat("CREATE SCHEMA \"", fresh, "\" AUTHORIZATION ", role))));
  Execute(absl::StrCat("CREATE SCHEMA ", fresh));
  EXPECT_THAT(refusal(fresh),
              HasSubstr(absl::StrCat("GRANT USAGE, CREATE ON SCHEMA \"", fresh, "\" TO ", role)));
  // A role that may use tables that another role created needs no further privileges.
  Execute(absl::StrCat("GRANT USAGE ON SCHEMA ", schema(), " TO ", role,
                       "; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ", schema(),
                       " TO ", role));
  EXPECT_OK(postgres::MigrateLedger(*as_role, schema()));
  Execute(absl::StrCat("DROP SCHEMA ", fresh, "; DROP OWNED BY ", role, "; DROP ROLE ", role));
}

TEST_F(LedgerTest, ConcurrentMigrationsSucceed) {
  const std::string fresh = schema() + "_fresh";
  std::vector<absl::Status> results(4);
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (absl::Status& result : results) {
      threads.push_back(std::make_unique<Thread>(
          "migrate", [&] { result = postgres::MigrateLedger(database(), fresh); }));
    }
  }
  for (const absl::Status& result : results) EXPECT_OK(result);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", fresh, ".migration")),
            QueryInt(absl::StrCat("SELECT count(*) FROM ", schema(), ".migration")));
  Execute(absl::StrCat("DROP SCHEMA ", fresh, " CASCADE"));
}

TEST_F(LedgerTest, SyncRoundTrips) {
  StreamPlan other = Plan("other");
  other.write_mode = WriteMode::kAppend;
  other.loader = LoaderKind::kAppendTruncate;
  other.minimum_generation_id = 7;
  other.schema.primary_key.clear();
  other.schema.cursor.reset();
  const SyncEntry written = Insert("one", {Plan("people"), other});
  ASSERT_OK_AND_ASSIGN(const SyncEntry read, store_->GetSync("one"));
  EXPECT_EQ(read.sync_no, written.sync_no);
  EXPECT_EQ(read.connection_id, "owner");
  EXPECT_EQ(read.request_digest, "digest");
  EXPECT_EQ(read.state, SyncState::kRunning);
  EXPECT_FALSE(read.finished_at.has_value());
  ASSERT_EQ(read.streams.size(), 2);
  for (size_t i = 0; i < 2; ++i) {
    const StreamPlan& a = written.streams[i].plan;
    const StreamPlan& b = read.streams[i].plan;
    EXPECT_EQ(b.stream_no, a.stream_no);
    EXPECT_TRUE(b.descriptor == a.descriptor);
    EXPECT_TRUE(b.table == a.table);
    EXPECT_TRUE(b.temp_table == a.temp_table);
    EXPECT_TRUE(b.schema.columns == a.schema.columns);
    EXPECT_EQ(b.schema.primary_key, a.schema.primary_key);
    EXPECT_EQ(b.schema.cursor, a.schema.cursor);
    EXPECT_EQ(b.write_mode, a.write_mode);
    EXPECT_EQ(b.loader, a.loader);
    EXPECT_EQ(b.generation_id, a.generation_id);
    EXPECT_EQ(b.minimum_generation_id, a.minimum_generation_id);
    EXPECT_EQ(b.airbyte_sync_id, a.airbyte_sync_id);
  }
  EXPECT_THAT(store_->GetSync("two"), StatusIs(StatusCode::kNotFound, "UNKNOWN_SYNC"));
}

TEST_F(LedgerTest, SyncsAreListedNewestFirstInPages) {
  for (const char* const id : {"a", "b", "c"}) Insert(id);
  ASSERT_OK_AND_ASSIGN(const std::vector<SyncEntry> first, store_->ListSyncs({.limit = 2}));
  ASSERT_EQ(first.size(), 2);
  EXPECT_EQ(first[0].sync_id, "c");
  EXPECT_EQ(first[1].sync_id, "b");
  ASSERT_OK_AND_ASSIGN(const std::vector<SyncEntry> second,
                       store_->ListSyncs({.limit = 2, .before = first[1].sync_no}));
  ASSERT_EQ(second.size(), 1);
  EXPECT_EQ(second[0].sync_id, "a");
}

// A stream with each kind of note alone, one with all of them, and one with none.
TEST_F(LedgerTest, NotesOfEachKindRoundTrip) {
  const std::vector<SchemaChange> changes = {{.kind = SchemaChange::Kind::kAddColumn,
                                              .column = "a",
                                              .from = "",
                                              .to = "text",
                                              .rewrites = true,
                                              .table_bytes = 8192}};
  const absl::Status error = MakeError(StatusCode::kFailedPrecondition, "it is a view",
                                       {.reason = "NOT_A_TABLE",
                                        .metadata = {{"relation", "view"}},
                                        .violations = {{"name", "names a view"}},
                                        .subject = "people"});
  constexpr int kAll = 5, kNone = 6;
  SyncEntry sync;
  sync.sync_id = "one";
  for (int i = 0; i <= kNone; ++i) {
    StreamEntry& stream = sync.streams.emplace_back();
    stream.plan = Plan(absl::StrCat("people", i));
    if (i == 0 || i == kAll) stream.changes = changes;
    if (i == 1 || i == kAll) stream.warnings = {{"TABLE_MISSING", "the table was dropped"}};
    if (i == 2 || i == kAll) {
      stream.plan.guard.min_rows = 3;
      stream.plan.guard.not_null = {{"id", 0.5}};
      stream.plan.guard.key = {"id", "n_m"};
    }
    if (i == 3 || i == kAll) stream.error = error;
  }
  ASSERT_OK(database().Transact([&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(ledger_->InsertSync(transaction, &sync));
    return ledger_->MarkRunning(transaction, sync.sync_no);
  }));
  for (const int i : {4, kAll}) {
    ASSERT_OK_AND_ASSIGN(
        const ClaimedWriter claimed,
        store_->ClaimWriter(sync.sync_no, sync.streams[i].plan.stream_no, "writer"));
    postgres::DataCommit commit = Records(0, 5);
    commit.fields["id"].truncated = 2;
    ASSERT_OK(Commit(claimed.claim, commit));
  }
  const auto expect_notes = [&](const StreamEntry& stream, int i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(stream.changes.size(), i == 0 || i == kAll ? 1 : 0);
    for (const SchemaChange& change : stream.changes) {
      EXPECT_EQ(change.kind, SchemaChange::Kind::kAddColumn);
      EXPECT_EQ(change.column, "a");
      EXPECT_EQ(change.to, "text");
      EXPECT_TRUE(change.rewrites);
      EXPECT_EQ(change.table_bytes, 8192);
    }
    EXPECT_EQ(stream.warnings.size(), i == 1 || i == kAll ? 1 : 0);
    for (const Warning& warning : stream.warnings) {
      EXPECT_EQ(warning.code, "TABLE_MISSING");
      EXPECT_EQ(warning.text, "the table was dropped");
    }
    const bool guarded = i == 2 || i == kAll;
    EXPECT_EQ(stream.plan.guard.min_rows, guarded ? std::optional<int64_t>(3) : std::nullopt);
    EXPECT_EQ(stream.plan.guard.not_null.size(), guarded ? 1 : 0);
    EXPECT_EQ(stream.plan.guard.key.size(), guarded ? 2 : 0);
    EXPECT_EQ(stream.error, i == 3 || i == kAll ? error : absl::OkStatus());
    EXPECT_EQ(stream.fields.size(), i == 4 || i == kAll ? 1 : 0);
    for (const auto& [field, counts] : stream.fields) {
      EXPECT_EQ(field, "id");
      EXPECT_EQ(counts.truncated, 2);
      EXPECT_EQ(counts.nulled, 0);
    }
  };
  ASSERT_OK_AND_ASSIGN(const SyncEntry read, store_->GetSync("one"));
  ASSERT_EQ(read.streams.size(), kNone + 1);
  for (int i = 0; i <= kNone; ++i) {
    expect_notes(read.streams[i], i);
    ASSERT_OK_AND_ASSIGN(const StreamEntry alone,
                         store_->GetStream(read.streams[i].plan.stream_no));
    expect_notes(alone, i);
  }
}

TEST_F(LedgerTest, NotesKeepAnyText) {
  const std::string text = "a\"b'\\n{},\n\x01\x7f\\u0041 ä😀";
  SyncEntry sync;
  sync.sync_id = "one";
  StreamEntry& stream = sync.streams.emplace_back();
  stream.plan = Plan("people");
  stream.changes = {{.kind = SchemaChange::Kind::kChangeType,
                     .column = text,
                     .from = text,
                     .to = text,
                     .rewrites = false,
                     .table_bytes = 0}};
  stream.warnings = {{"CODE", text}};
  PublishGuard& guard = stream.plan.guard;
  guard = {.min_rows = 0,
           .max_shrink = 0.1,
           .not_null = {{text, 1}, {"id", 1.0 / 3}},
           .unique_key = true,
           .max_rejected = 0,
           .max_nulled = int64_t{1} << 53,
           .allow_empty = true};
  guard.key = {text, "b"};
  stream.error = MakeError(
      StatusCode::kInternal, text,
      {.reason = text, .metadata = {{text, text}}, .violations = {{text, text}}, .subject = text});
  ASSERT_OK(database().Transact(
      [&](postgres::Transaction& transaction) { return ledger_->InsertSync(transaction, &sync); }));
  const auto expect_notes = [&](const absl::Status& error) {
    ASSERT_OK_AND_ASSIGN(const SyncEntry found, store_->GetSync("one"));
    const StreamEntry& read = found.streams.at(0);
    ASSERT_EQ(read.changes.size(), 1);
    EXPECT_EQ(read.changes[0].column, text);
    EXPECT_EQ(read.changes[0].from, text);
    EXPECT_EQ(read.changes[0].to, text);
    EXPECT_FALSE(read.changes[0].rewrites);
    ASSERT_EQ(read.warnings.size(), 1);
    EXPECT_EQ(read.warnings[0].text, text);
    EXPECT_EQ(read.plan.guard.min_rows, 0);
    EXPECT_EQ(read.plan.guard.max_shrink, 0.1);
    EXPECT_EQ(read.plan.guard.not_null, guard.not_null);
    EXPECT_TRUE(read.plan.guard.unique_key);
    EXPECT_EQ(read.plan.guard.max_rejected, 0);
    EXPECT_EQ(read.plan.guard.max_nulled, int64_t{1} << 53);
    EXPECT_TRUE(read.plan.guard.allow_empty);
    EXPECT_EQ(read.plan.guard.key, guard.key);
    EXPECT_EQ(read.error, error);
  };
  expect_notes(stream.error);
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT guard->>'max_shrink' FROM ", schema(), ".stream")),
            "0.1");
  // Notes are also replaced later. PostgreSQL cannot store NUL.
  const auto with_message = [](absl::string_view message) {
    return MakeError(StatusCode::kInternal, message, {.reason = "R"});
  };
  stream.error = with_message(absl::string_view("nul \0.", 6));
  ASSERT_OK(database().Transact([&](postgres::Transaction& transaction) {
    return ledger_->FailStream(transaction, stream);
  }));
  expect_notes(with_message("nul ?."));
}

TEST_F(LedgerTest, OnlyWhatASyncHasIsRead) {
  class Counting final : public postgres::Transaction {
   public:
    explicit Counting(Transaction* target) : target_(target) {}
    absl::StatusOr<postgres::Result> Query(absl::string_view sql,
                                           const postgres::Params& params) override {
      ++statements;
      return target_->Query(sql, params);
    }
    absl::Status Execute(absl::string_view sql) override { return target_->Execute(sql); }

    int statements = 0;

   private:
    Transaction* const target_;
  };
  const SyncEntry sync = Insert("one");
  const auto count = [&](absl::string_view sync_id) {
    int statements = 0;
    EXPECT_OK(database().Transact([&](postgres::Transaction& transaction) {
      Counting counting(&transaction);
      const absl::Status status = ledger_->FindSync(counting, sync_id).status();
      statements = counting.statements;
      return status;
    }));
    return statements;
  };
  EXPECT_EQ(count("two"), 1) << "there is no such sync";
  EXPECT_EQ(count("one"), 4) << "the sync, its streams, their columns and writers";
  postgres::DataCommit commit = Records(0, 5);
  commit.fields["id"].nulled = 1;
  ASSERT_OK(Commit(Claim(sync), commit));
  EXPECT_EQ(count("one"), 5) << "and the counts of its fields";
}

TEST_F(LedgerTest, IdleSyncIsInterrupted) {
  const SyncEntry sync = Insert("one");
  const auto is_interrupted = [&] {
    const absl::StatusOr<SyncEntry> read = store_->GetSummary("one");
    EXPECT_OK(read);
    return read.ok() && read->interrupted;
  };
  EXPECT_FALSE(is_interrupted()) << "just started";
  Execute(absl::StrCat("UPDATE ", schema(), ".sync SET started_at = now() - interval '1 hour'"));
  EXPECT_TRUE(is_interrupted()) << "no writer was ever opened";
  ASSERT_OK(store_->RenewLease(absl::Minutes(1)));
  const WriterClaim claim = Claim(sync);
  const std::string age =
      absl::StrCat("UPDATE ", schema(), ".writer SET updated_at = now() - interval '10 minutes'");
  Execute(age);
  EXPECT_FALSE(is_interrupted()) << "a call is open on a living server";
  ASSERT_OK(store_->DropLease());
  EXPECT_TRUE(is_interrupted()) << "the server is gone";
  ASSERT_OK_AND_ASSIGN(const SyncEntry read, store_->GetSummary("one"));
  EXPECT_NEAR(absl::ToDoubleMinutes(absl::Now() - read.last_progress_at), 10, 1);
  ASSERT_OK(Commit(claim, Records(0, 5)));
  EXPECT_FALSE(is_interrupted()) << "it has just continued";
  Execute(age);
  ASSERT_OK(BeginCompletion(sync));
  EXPECT_FALSE(is_interrupted()) << "a merge may take its time";
}

TEST_F(LedgerTest, EachClaimRaisesEpochAndFencesPreviousOne) {
  const SyncEntry sync = Insert("one");
  const WriterClaim older = Claim(sync);
  EXPECT_OK(Commit(older, Records(0, 5)));
  const WriterClaim newer = Claim(sync);
  EXPECT_GT(newer.epoch, older.epoch);
  EXPECT_THAT(Commit(older, Records(5, 8)), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(WriterRow(), "{[0,5)} 5 5 0 50");
  ASSERT_OK_AND_ASSIGN(const int64_t durable, Commit(newer, Records(5, 8)));
  EXPECT_EQ(durable, 8);
  // Another writer of the stream is not affected.
  EXPECT_OK(Commit(Claim(sync, "other"), Records(0, 2)));
  EXPECT_OK(Commit(newer, Records(8, 9)));
}

TEST_F(LedgerTest, FencedCommitLeavesNothingBehind) {
  const SyncEntry sync = Insert("one");
  const WriterClaim older = Claim(sync);
  Claim(sync);
  postgres::DataCommit commit = Records(0, 5);
  commit.rejected = {{3, "INVALID_JSON", "{"}};
  EXPECT_THAT(Commit(older, commit, {{"c", 5, "state"}}), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(WriterRow(), "{} 0 0 0 0");
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", schema(), ".rejected_record")), 0);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", schema(), ".checkpoint")), 0);
}

TEST_F(LedgerTest, LanesCommitInAnyOrder) {
  const SyncEntry sync = Insert("one");
  const WriterClaim claim = Claim(sync);
  ASSERT_OK_AND_ASSIGN(const int64_t ahead, Commit(claim, Records(10, 20)));
  EXPECT_EQ(ahead, 0);
  ASSERT_OK_AND_ASSIGN(const int64_t further, Commit(claim, Records(25, 30)));
  EXPECT_EQ(further, 0);
  ASSERT_OK_AND_ASSIGN(const int64_t joined, Commit(claim, Records(0, 10)));
  EXPECT_EQ(joined, 20);
  EXPECT_EQ(WriterRow(), "{[0,20),[25,30)} 20 25 0 250");
  ASSERT_OK_AND_ASSIGN(const ClaimedWriter again,
                       store_->ClaimWriter(sync.sync_no, sync.streams[0].plan.stream_no, ""));
  EXPECT_EQ(again.committed.ToMultirange(), "{[0,20),[25,30)}");
}

TEST_F(LedgerTest, ConcurrentLaneCommitsAddUp) {
  const SyncEntry sync = Insert("one");
  const WriterClaim claim = Claim(sync);
  const auto other_lane = Connect();
  ASSERT_OK(lane_->Begin());
  ASSERT_OK(committer_->AdvanceOffset(*lane_, claim, Records(10, 20)));
  absl::StatusOr<int64_t> durable;
  {
    // Waits for the row that the first lane holds, then adds to that lane's result.
    const Thread second("lane", [&] {
      EXPECT_OK(other_lane->Begin());
      durable = committer_->AdvanceOffset(*other_lane, claim, Records(0, 10));
      EXPECT_OK(other_lane->Commit());
    });
    while (QueryInt("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND "
                    "query LIKE '%" +
                    schema() + "%writer%' AND pid <> pg_backend_pid()") == 0) {
    }
    EXPECT_OK(lane_->Commit());
  }
  ASSERT_OK(durable);
  EXPECT_EQ(*durable, 20);
  EXPECT_EQ(WriterRow(), "{[0,20)} 20 20 0 200");
}

TEST_F(LedgerTest, CommittedRecordsAreNotCommittedAgain) {
  const WriterClaim claim = Claim(Insert("one"));
  ASSERT_OK(Commit(claim, Records(0, 10)));
  EXPECT_THAT(Commit(claim, Records(9, 12)), StatusIs(StatusCode::kAborted));
  EXPECT_EQ(WriterRow(), "{[0,10)} 10 10 0 100");
}

TEST_F(LedgerTest, LookReportsCommittedAndClaim) {
  const SyncEntry sync = Insert("one");
  const WriterClaim claim = Claim(sync);
  OffsetRanges first;
  first.Add({0, 5});
  OffsetRanges second;
  second.Add({5, 9});
  ASSERT_OK(Commit(claim, Records(0, 5)));
  ASSERT_OK_AND_ASSIGN(const postgres::WriterRowState found,
                       committer_->Look(*lane_, claim, first));
  EXPECT_TRUE(found.committed);
  EXPECT_EQ(found.durable_offset, 5);
  EXPECT_OK(found.claim);
  ASSERT_OK_AND_ASSIGN(const postgres::WriterRowState missing,
                       committer_->Look(*lane_, claim, second));
  EXPECT_FALSE(missing.committed);
  EXPECT_OK(missing.claim);
  Claim(sync);
  ASSERT_OK_AND_ASSIGN(const postgres::WriterRowState before,
                       committer_->Look(*lane_, claim, first));
  EXPECT_TRUE(before.committed) << "committed before it was taken over";
  EXPECT_THAT(before.claim, StatusIs(StatusCode::kAborted, "FENCED"));
  ASSERT_OK(store_->CancelSync("one"));
  ASSERT_OK_AND_ASSIGN(const postgres::WriterRowState cancelled,
                       committer_->Look(*lane_, claim, second));
  EXPECT_FALSE(cancelled.committed);
  EXPECT_THAT(cancelled.claim, StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
}

// Claims do not wait for the disk. A claim that a crash undid is not reported as taken over.
TEST_F(LedgerTest, ClaimUndoneByCrashIsLostNotFenced) {
  const WriterClaim claim = Claim(Insert("one"));
  OffsetRanges offsets;
  offsets.Add({0, 5});
  Execute(absl::StrCat("UPDATE ", schema(), ".writer SET epoch = epoch - 1"));
  EXPECT_THAT(Commit(claim, Records(0, 5)), StatusIs(StatusCode::kAborted));
  ASSERT_OK_AND_ASSIGN(postgres::WriterRowState found, committer_->Look(*lane_, claim, offsets));
  EXPECT_THAT(found.claim, StatusIs(StatusCode::kAborted, "CLAIM_LOST"));
  EXPECT_TRUE(GetDetail(found.claim).retry_after.has_value());
  Execute(absl::StrCat("DELETE FROM ", schema(), ".writer"));
  ASSERT_OK_AND_ASSIGN(found, committer_->Look(*lane_, claim, offsets));
  EXPECT_THAT(found.claim, StatusIs(StatusCode::kAborted, "CLAIM_LOST"));
}

TEST_F(LedgerTest, CheckpointsOfWriterAreNumberedInCommitOrder) {
  const SyncEntry sync = Insert("one");
  const WriterClaim a = Claim(sync, "a");
  const WriterClaim b = Claim(sync, "b");
  const std::string bytes("\0\xff'\\", 4);
  ASSERT_OK(Commit(a, Records(0, 5), {{"a1", 2, bytes}, {"a2", 5, "second"}}));
  ASSERT_OK(Commit(b, Records(0, 3), {{"b1", 3, ""}}));
  EXPECT_THAT(store_->NumberCheckpoints({sync.sync_no})->numbered, ElementsAre(sync.sync_no));
  EXPECT_THAT(store_->NumberCheckpoints({sync.sync_no})->numbered, IsEmpty());
  ASSERT_OK(Commit(a, Records(5, 6), {{"a3", 6, "third"}}));
  // Writing it again, as after a lost answer, changes nothing.
  ASSERT_OK(Commit(a, Records(6, 7), {{"a3", 6, "other"}}));
  ASSERT_OK(store_->NumberCheckpoints({sync.sync_no}));
  const std::vector<CommittedCheckpoint> all = ReadCheckpoints(sync, 0);
  std::vector<std::string> texts;
  for (size_t i = 0; i < all.size(); ++i) {
    if (i > 0) {
      EXPECT_GT(all[i].sequence, all[i - 1].sequence);
    }
    texts.push_back(absl::StrCat(all[i].writer_id, " ", all[i].checkpoint_id, " ", all[i].offset,
                                 " ", all[i].records_since_last));
  }
  ASSERT_THAT(texts, ElementsAre("a a1 2 2", "a a2 5 3", "b b1 3 3", "a a3 6 1"));
  EXPECT_EQ(all[0].state, bytes);
  EXPECT_EQ(all[3].state, "third");
  const std::vector<CommittedCheckpoint> later = ReadCheckpoints(sync, all[1].sequence);
  ASSERT_EQ(later.size(), 2);
  EXPECT_EQ(later[0].checkpoint_id, "b1");
}

TEST_F(LedgerTest, WatchIsNotifiedOfCheckpoints) {
  const SyncEntry sync = Insert("one");
  const WriterClaim claim = Claim(sync);
  postgres::ChangeFeed feed(connections_.get(), ledger_.get());
  ASSERT_OK(feed.Wait(absl::ZeroDuration()));
  ASSERT_OK(Commit(claim, Records(0, 5), {{"c", 5, "state"}}));
  store_->changed().Committed(sync.sync_no, /*has_checkpoints=*/true);
  ASSERT_OK_AND_ASSIGN(postgres::Changes changes, feed.Wait(absl::Milliseconds(20)));
  EXPECT_THAT(changes.sync_nos, IsEmpty()) << "no data transaction notifies";
  ASSERT_OK(store_->AnnounceChanges());
  ASSERT_OK_AND_ASSIGN(changes, feed.Wait(absl::Seconds(30)));
  EXPECT_THAT(changes.sync_nos, ElementsAre(sync.sync_no));
  ASSERT_OK(store_->CancelSync("one"));
  ASSERT_OK(store_->AnnounceChanges());
  ASSERT_OK_AND_ASSIGN(changes, feed.Wait(absl::Seconds(30)));
  EXPECT_THAT(changes.sync_nos, ElementsAre(sync.sync_no));
}

TEST_F(LedgerTest, RejectedRecordsAreKeptWithReason) {
  const WriterClaim claim = Claim(Insert("one"), "w");
  postgres::DataCommit commit = Records(0, 5);
  commit.rows = 3;
  const std::string raw("{\"a\":\0}", 7);
  commit.rejected = {{1, "INVALID_JSON", raw}, {4, "NOT_AN_OBJECT", "[]"}};
  ASSERT_OK(Commit(claim, commit));
  EXPECT_EQ(
      QueryText(absl::StrCat("SELECT sync_id, namespace, stream, writer_id, \"offset\", reason, "
                             "encode(raw, 'hex') FROM ",
                             schema(), ".rejected_record ORDER BY \"offset\"")),
      (std::vector<std::vector<std::string>>{
          {"one", "space", "people", "w", "1", "INVALID_JSON", "7b2261223a007d"},
          {"one", "space", "people", "w", "4", "NOT_AN_OBJECT", "5b5d"}}));
  EXPECT_EQ(WriterRow(), "{[0,5)} 5 3 2 50");
}

TEST_F(LedgerTest, CompletionWaitsForOpenWriters) {
  const SyncEntry sync = Insert("one");
  const WriterClaim claim = Claim(sync, "w");
  EXPECT_THAT(BeginCompletion(sync), StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  store_->ReleaseWriter(claim, absl::OkStatus());
  ASSERT_OK_AND_ASSIGN(const StreamEntry stream, BeginCompletion(sync));
  EXPECT_EQ(stream.state, StreamState::kFinalizing);
  EXPECT_THAT(Commit(claim, Records(0, 1)), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_THAT(store_->ClaimWriter(sync.sync_no, stream.plan.stream_no, "w"),
              StatusIs(StatusCode::kFailedPrecondition, "STREAM_COMPLETED"));
}

TEST_F(LedgerTest, ReleaseOfOlderClaimKeepsNewerOpen) {
  const SyncEntry sync = Insert("one");
  const WriterClaim older = Claim(sync);
  const WriterClaim newer = Claim(sync);
  store_->ReleaseWriter(older, absl::OkStatus());
  EXPECT_THAT(BeginCompletion(sync), StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  store_->ReleaseWriter(newer, absl::OkStatus());
  EXPECT_OK(BeginCompletion(sync));
}

TEST_F(LedgerTest, WriterOfDeadServerBlocksOnlyForItsLease) {
  const SyncEntry sync = Insert("one");
  Claim(sync);
  EXPECT_THAT(BeginCompletion(sync), StatusIs(StatusCode::kFailedPrecondition, "WRITERS_ACTIVE"));
  ASSERT_OK(store_->RenewLease(absl::ZeroDuration()));
  EXPECT_OK(BeginCompletion(sync));
}

TEST_F(LedgerTest, CompletionChecksTheCount) {
  const SyncEntry sync = Insert("one");
  const WriterClaim a = Claim(sync, "a");
  const WriterClaim b = Claim(sync, "b");
  ASSERT_OK(Commit(a, Records(0, 5)));
  ASSERT_OK(Commit(b, Records(0, 4)));
  store_->ReleaseWriter(a, absl::OkStatus());
  store_->ReleaseWriter(b, absl::OkStatus());
  const absl::Status mismatch = BeginCompletion(sync, true, 10).status();
  EXPECT_THAT(mismatch, StatusIs(StatusCode::kFailedPrecondition, "COUNT_MISMATCH"));
  ASSERT_OK_AND_ASSIGN(const SyncEntry now, store_->GetSync("one"));
  EXPECT_EQ(now.streams[0].state, StreamState::kOpen);
  EXPECT_OK(BeginCompletion(sync, true, 9));
}

TEST_F(LedgerTest, CompletionRefusesGapsUnlessIncomplete) {
  const SyncEntry sync = Insert("one");
  const WriterClaim claim = Claim(sync, "w");
  ASSERT_OK(Commit(claim, Records(0, 5)));
  ASSERT_OK(Commit(claim, Records(7, 9)));
  store_->ReleaseWriter(claim, absl::OkStatus());
  const absl::Status missing = BeginCompletion(sync).status();
  EXPECT_THAT(missing, StatusIs(StatusCode::kFailedPrecondition, "OFFSETS_MISSING"));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("w"));
  EXPECT_OK(BeginCompletion(sync, false));
}

TEST_F(LedgerTest, FinishingEndsStreamAndSync) {
  const SyncEntry sync = Insert("one", {Plan("people"), Plan("other")});
  ASSERT_OK_AND_ASSIGN(const StreamEntry stream, BeginCompletion(sync));
  ASSERT_OK(Finish(stream, StreamState::kCompleted, {StreamOutcome::kMerged, 3}));
  EXPECT_THAT(Finish(stream, StreamState::kCompleted, {StreamOutcome::kMerged, 3}),
              StatusIs(StatusCode::kAborted, "SUPERSEDED"));
  // The next call returns the first result.
  ASSERT_OK_AND_ASSIGN(const StreamEntry again, BeginCompletion(sync));
  EXPECT_EQ(again.state, StreamState::kCompleted);
  EXPECT_EQ(again.result.outcome, StreamOutcome::kMerged);
  EXPECT_EQ(again.result.rows, 3);
  ASSERT_OK_AND_ASSIGN(SyncEntry now, store_->GetSync("one"));
  EXPECT_EQ(now.state, SyncState::kRunning);

  ASSERT_OK_AND_ASSIGN(const StreamEntry other,
                       store_->BeginCompletion(sync.streams[1].plan.stream_no, {false, {}}));
  ASSERT_OK(Finish(other, StreamState::kIncomplete, {StreamOutcome::kKeptForResume, 0}));
  ASSERT_OK_AND_ASSIGN(now, store_->GetSync("one"));
  EXPECT_EQ(now.state, SyncState::kFinished);
  EXPECT_TRUE(now.finished_at.has_value());
  EXPECT_EQ(
      QueryText(absl::StrCat("SELECT table_name, state FROM ", schema(),
                             ".generation ORDER BY table_name")),
      (std::vector<std::vector<std::string>>{{"other", "incomplete"}, {"people", "completed"}}));
}

TEST_F(LedgerTest, SyncWithAnOpenStreamStaysExtensible) {
  const SyncEntry sync = Insert("s");
  Execute(absl::StrCat("UPDATE ", schema(), ".sync SET extensible = true"));
  ASSERT_OK(database().Transact([&](postgres::Transaction& transaction) {
    return ledger_->EndExtensions(transaction, sync.sync_no);
  }));
  EXPECT_EQ(QueryText(absl::StrCat("SELECT state, extensible FROM ", schema(), ".sync")),
            (std::vector<std::vector<std::string>>{{"running", "t"}}));
}

TEST_F(LedgerTest, CancellingFencesAndIsFinal) {
  const SyncEntry sync = Insert("one");
  const WriterClaim claim = Claim(sync);
  ASSERT_OK(Commit(claim, Records(0, 5)));
  ASSERT_OK_AND_ASSIGN(const SyncEntry cancelled, store_->CancelSync("one"));
  EXPECT_EQ(cancelled.state, SyncState::kCancelled);
  EXPECT_EQ(cancelled.streams[0].state, StreamState::kCancelled);
  EXPECT_EQ(cancelled.streams[0].records_written, 5);
  EXPECT_THAT(Commit(claim, Records(5, 6)), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_THAT(store_->ClaimWriter(sync.sync_no, sync.streams[0].plan.stream_no, ""),
              StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_THAT(BeginCompletion(sync), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  ASSERT_OK_AND_ASSIGN(const SyncEntry again, store_->CancelSync("one"));
  EXPECT_EQ(again.finished_at, cancelled.finished_at);
}

TEST_F(LedgerTest, NewerSyncSupersedesConflictingStreams) {
  const SyncEntry older = Insert("older", {Plan("people"), Plan("other")});
  const WriterClaim claim = Claim(older);
  EXPECT_THAT(Supersede(Plan("people")), ElementsAre(older.sync_no));
  const SyncEntry newer = Insert("newer");
  EXPECT_THAT(Commit(claim, Records(0, 1)), StatusIs(StatusCode::kAborted, "FENCED"));
  ASSERT_OK_AND_ASSIGN(const SyncEntry now, store_->GetSync("older"));
  EXPECT_EQ(now.streams[0].state, StreamState::kCancelled);
  EXPECT_EQ(now.streams[1].state, StreamState::kOpen);
  EXPECT_EQ(now.state, SyncState::kRunning);
  EXPECT_OK(Commit(Claim(newer), Records(0, 1)));
}

TEST_F(LedgerTest, AppendsOfOneGenerationCoexist) {
  StreamPlan plan = Plan("people");
  plan.write_mode = WriteMode::kAppend;
  plan.loader = LoaderKind::kAppend;
  const SyncEntry older = Insert("older", {plan});
  const WriterClaim claim = Claim(older);
  EXPECT_THAT(Supersede(plan), IsEmpty());
  const SyncEntry newer = Insert("newer", {plan});
  EXPECT_OK(Commit(claim, Records(0, 1)));
  EXPECT_OK(Commit(Claim(newer), Records(0, 1)));
}

TEST_F(LedgerTest, SupersededAppendsOfOneGenerationAreAllCounted) {
  StreamPlan plan = Plan("people");
  plan.write_mode = WriteMode::kAppend;
  plan.loader = LoaderKind::kAppend;
  const SyncEntry first = Insert("first", {plan});
  const SyncEntry second = Insert("second", {plan});
  ASSERT_OK(Commit(Claim(first), Records(0, 3)));
  ASSERT_OK(Commit(Claim(second), Records(0, 4)));
  EXPECT_THAT(Supersede(Plan("people")), ElementsAre(first.sync_no, second.sync_no));
  EXPECT_EQ(QueryText(absl::StrCat("SELECT state, rows, bytes FROM ", schema(), ".generation")),
            (std::vector<std::vector<std::string>>{{"cancelled", "7", "70"}}));
}

}  // namespace
}  // namespace syncline::testing

// Commits of small blocks by one statement: they store what a COPY stores, or leave the block to
// it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "base/byte_buffer.h"
#include "base/error.h"
#include "base/thread.h"
#include "server/postgres/copy/array_frame.h"
#include "server/postgres/ledger/statement_commit.h"
#include "server/postgres/sql/sql_generator.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/load/statement_tables.h"
#include "tests/component/flush_all.h"
#include "tests/component/write_path_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using absl::StatusCode;
using ::testing::ElementsAre;
using testing::FlushAll;
using ::testing::IsEmpty;
using testing::StatusIs;

class SmallCommitTest : public testing::WritePathTest {
 protected:
  void SetUp() override {
    WritePathTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    UseConnections(absl::Milliseconds(200));
    load_.statements = &statements_;
  }
  void UseConnections(absl::Duration lock_timeout) {
    postgres::ConnectionOptions options;
    options.conninfo = dsn();
    options.lock_timeout = lock_timeout;
    pool_ = std::make_unique<postgres::ConnectionPool>(options);
    load_.connections = pool_.get();
  }
  void TearDown() override {
    if (pool_ != nullptr) pool_->CloseIdle();
    WritePathTest::TearDown();
  }

  // Commits records [begin, end).
  absl::StatusOr<write::FlushResult> Load(const WriterClaim& claim, int64_t begin, int64_t end,
                                          const write::DueCheckpoints& checkpoints = {},
                                          bool closes = false) {
    write::InsertBuffer buffer(&load_, plan_, "sync", claim);
    Fill(buffer, begin, end);
    return FlushAll(buffer, checkpoints, closes);
  }
  // Returns how many statements have committed rows on the connection that flushes use.
  int64_t Statements() {
    absl::StatusOr<postgres::ConnectionPool::Lease> connection = pool_->Acquire();
    if (!connection.ok()) return -1;
    const absl::StatusOr<postgres::Result> counted =
        (*connection)
            ->Query(
                "SELECT coalesce(sum(generic_plans + custom_plans), 0)::bigint FROM "
                "pg_prepared_statements "
                "WHERE statement LIKE '%ROWS FROM%' AND statement LIKE '%' || $1 || '%'",
                postgres::Params().Text(postgres::QuoteTable(plan_.load_table())));
    return counted.ok() ? counted->Int(0, 0) : -1;
  }
  std::string Writer() {
    return absl::StrJoin(
        QueryText(absl::StrCat("SELECT committed, rows_written, bytes, checkpoints, "
                               "last_checkpoint_offset, open_by IS NULL FROM ",
                               Table("writer")))[0],
        " ");
  }
  std::vector<std::string> Checkpoints() {
    std::vector<std::string> all;
    for (const auto& row :
         QueryText(absl::StrCat("SELECT checkpoint_id, number, \"offset\", records_since_last, "
                                "convert_from(state, 'UTF8') FROM ",
                                Table("checkpoint"), " ORDER BY number"))) {
      all.push_back(absl::StrJoin(row, " "));
    }
    return all;
  }
  // Offers the same checkpoints to each attempt.
  static write::DueCheckpoints Offer(std::vector<PendingCheckpoint> checkpoints) {
    return [checkpoints = std::move(checkpoints)](int64_t durable_offset) {
      std::vector<PendingCheckpoint> due;
      for (const PendingCheckpoint& checkpoint : checkpoints) {
        if (checkpoint.offset <= durable_offset) due.push_back(checkpoint);
      }
      return due;
    };
  }
  static std::vector<std::string> Ids(const std::vector<PendingCheckpoint>& checkpoints) {
    std::vector<std::string> ids;
    for (const PendingCheckpoint& checkpoint : checkpoints) ids.push_back(checkpoint.checkpoint_id);
    return ids;
  }

  write::StatementTables statements_;
  std::unique_ptr<postgres::ConnectionPool> pool_;
};

TEST_F(SmallCommitTest, MovesThePositionWithTheRows) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK_AND_ASSIGN(const write::FlushResult first, Load(claim, 0, 10));
  EXPECT_EQ(first.durable_offset, 10);
  EXPECT_EQ(first.rows, 10);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult gap, Load(claim, 12, 15));
  EXPECT_EQ(gap.durable_offset, 10);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult last, Load(claim, 10, 12, {}, /*closes=*/true));
  EXPECT_EQ(last.durable_offset, 15);
  EXPECT_TRUE(last.closed);
  EXPECT_EQ(Statements(), 3);
  EXPECT_EQ(Writer(), "{[0,15)} 15 0 0 0 t");
  EXPECT_EQ(Rows(), 15);
  EXPECT_EQ(DistinctRows(), 15);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(DISTINCT _airbyte_raw_id) FROM ", Table("t"))), 15);
}

TEST_F(SmallCommitTest, LargeBlocksAreCopied) {
  ASSERT_OK(Load(Claim("w").claim, 0, 2000));
  EXPECT_EQ(Statements(), 0);
  EXPECT_EQ(Rows(), 2000);
}

TEST_F(SmallCommitTest, SupersededWriterStoresNothing) {
  const WriterClaim older = Claim("w").claim;
  const WriterClaim newer = Claim("w").claim;
  EXPECT_THAT(Load(older, 0, 5), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(Rows(), 0);
  EXPECT_EQ(Statements(), 1);
  ASSERT_OK(store_->CancelSync("sync"));
  EXPECT_THAT(Load(newer, 0, 5), StatusIs(StatusCode::kFailedPrecondition, "SYNC_CANCELLED"));
  EXPECT_EQ(Rows(), 0);
}

TEST_F(SmallCommitTest, CommittedRecordsAreNotCommittedAgain) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Load(claim, 0, 10));
  EXPECT_THAT(Load(claim, 5, 15), StatusIs(StatusCode::kAborted, "FENCED"));
  EXPECT_EQ(Rows(), 10);
  EXPECT_EQ(Writer(), "{[0,10)} 10 0 0 0 f");
}

// Two lanes of a writer commit at the same time.
TEST_F(SmallCommitTest, WaitsForAnotherCommitOfTheWriter) {
  UseConnections(absl::Minutes(1));
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Load(claim, 0, 1));
  const std::unique_ptr<postgres::Connection> other = Connect();
  const std::unique_ptr<postgres::Connection> watching = Connect();
  CommitHalfway(*other, claim, 1, 4);
  auto finishing = std::make_unique<Thread>("other", [&, pid = BackendPid(*other)] {
    WaitUntilBlocked(*watching, pid);
    EXPECT_OK(other->Commit());
  });
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed,
                       Load(claim, 4, 6, Offer({{"early", 4, "s"}, {"late", 6, "t"}})));
  finishing.reset();
  EXPECT_EQ(flushed.durable_offset, 6);
  EXPECT_THAT(Ids(flushed.checkpoints), ElementsAre("early", "late"));
  EXPECT_THAT(Checkpoints(), ElementsAre("early 1 4 4 s", "late 2 6 2 t"));
  EXPECT_EQ(Rows(), 6);
}

TEST_F(SmallCommitTest, StoresTheCheckpointsThatAreDue) {
  const WriterClaim claim = Claim("w").claim;
  const auto offer = Offer({{"a", 0, "A"}, {"b", 3, "B"}, {"c", 5, "C"}});
  ASSERT_OK_AND_ASSIGN(const write::FlushResult first, Load(claim, 0, 4, offer));
  EXPECT_THAT(Ids(first.checkpoints), ElementsAre("a", "b"));
  // "b" is repeated, as after a lost answer.
  const auto again = Offer({{"b", 3, "B"}, {"c", 5, "C"}, {"d", 9, "D"}});
  ASSERT_OK_AND_ASSIGN(const write::FlushResult second, Load(claim, 4, 6, again));
  EXPECT_THAT(Ids(second.checkpoints), ElementsAre("b", "c"));
  EXPECT_THAT(Checkpoints(), ElementsAre("a 1 0 0 A", "b 2 3 3 B", "c 4 5 2 C"));
  EXPECT_EQ(Writer(), "{[0,6)} 6 0 4 5 f");
  EXPECT_EQ(Statements(), 2);
  // A commit of checkpoints alone.
  write::InsertBuffer empty(&load_, plan_, "sync", claim);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult third, FlushAll(empty, Offer({{"e", 6, "E"}})));
  EXPECT_EQ(third.durable_offset, 6);
  EXPECT_THAT(Ids(third.checkpoints), ElementsAre("e"));
  EXPECT_EQ(Checkpoints().back(), "e 5 6 1 E");
}

TEST_F(SmallCommitTest, CheckpointsOfSeveralWritersAreStored) {
  const WriterClaim claim = Claim("w").claim;
  PendingCheckpoint all = {"all", 0, "S"};
  all.positions.push_back({plan_.descriptor, "w", 3});
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(claim, 0, 3, Offer({all})));
  EXPECT_THAT(Ids(flushed.checkpoints), ElementsAre("all"));
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("global_checkpoint"))), 1);
  EXPECT_EQ(Rows(), 3);
}

// The backend ends while its COMMIT runs, so the rows are sent again.
TEST_F(SmallCommitTest, LostAnswerOfACommitThatDidNotHappen) {
  const WriterClaim claim = Claim("w").claim;
  Execute(absl::StrCat("CREATE TABLE ", Table("armed"), " (); CREATE FUNCTION ", schema(),
                       ".break() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                       "IF to_regclass('",
                       schema(),
                       ".armed') IS NOT NULL THEN "
                       "PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; "
                       "END $$; CREATE CONSTRAINT TRIGGER break AFTER INSERT ON ",
                       Table("t"), " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ",
                       schema(), ".break()"));
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  Fill(buffer, 0, 10);
  ASSERT_OK_AND_ASSIGN(const write::FlushAttempt broken, buffer.Flush({}));
  EXPECT_FALSE(broken.committed.has_value());
  Execute(absl::StrCat("DROP TABLE ", Table("armed")));
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, FlushAll(buffer));
  EXPECT_EQ(flushed.durable_offset, 10);
  EXPECT_EQ(Rows(), 10);
  EXPECT_EQ(Statements(), 1);
}

// The statement of a broken connection still commits.
TEST_F(SmallCommitTest, LostAnswerOfACommitThatHappened) {
  UseConnections(absl::Minutes(1));
  const WriterClaim claim = Claim("w").claim;
  const std::unique_ptr<postgres::Connection> watching = Connect();
  const std::unique_ptr<postgres::Connection> locker = Connect();
  ASSERT_OK(Load(claim, 0, 1));
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("SELECT FROM ", Table("writer"), " FOR UPDATE")));
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  Fill(buffer, 1, 10);
  absl::StatusOr<write::FlushAttempt> lost;
  {
    const Thread flushing("flushing", [&] { lost = buffer.Flush({}); });
    WaitUntilBlocked(*watching, BackendPid(*locker));
    buffer.interrupt()->Interrupt();
  }
  EXPECT_THAT(lost.status(), StatusIs(StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
  ASSERT_OK(locker->Commit());
  // Whether the statement has committed or not, each record is stored once.
  const absl::StatusOr<write::FlushResult> again = Load(claim, 1, 10);
  EXPECT_TRUE(again.ok() || GetReason(again.status()) == "FENCED") << again.status();
  EXPECT_EQ(Rows(), 10);
  EXPECT_EQ(DistinctRows(), 10);
}

TEST_F(SmallCommitTest, RefusedRowsAreRejectedByACopy) {
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ADD CONSTRAINT not_five CHECK (id <> 5)"));
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, Load(claim, 0, 10));
  EXPECT_EQ(flushed.rows, 9);
  EXPECT_EQ(flushed.rejected, 1);
  EXPECT_EQ(flushed.durable_offset, 10);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT \"offset\" FROM ", Table("rejected_record"))), 5);
  ASSERT_OK(Load(claim, 10, 12));
  EXPECT_EQ(Statements(), 2);  // of which one failed
  EXPECT_EQ(Rows(), 11);
}

TEST_F(SmallCommitTest, RejectedRecordsAndCountsAreWritten) {
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  Fill(buffer, 0, 2);
  buffer.Reject({2, "INVALID_JSON", "bad"});
  buffer.Cover({2, 3}, 7);
  FieldCounts fields;
  fields["id"].nulled = 1;
  buffer.Count(fields);
  ASSERT_OK_AND_ASSIGN(const write::FlushResult flushed, FlushAll(buffer));
  EXPECT_EQ(flushed.durable_offset, 3);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("rejected_record"))), 1);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT sum(nulled) FROM ", Table("field_count"))), 1);
  EXPECT_EQ(Writer(), "{[0,3)} 2 7 0 0 f");
}

// What is left to COPY, by the catalog.
struct OtherTable {
  const char* name;
  const char* sql;  // $T is the table, $F a trigger function that returns NEW
};

class OtherTableTest : public SmallCommitTest, public ::testing::WithParamInterface<OtherTable> {
 protected:
  void Change() {
    Execute(absl::StrCat("CREATE FUNCTION ", schema(),
                         ".keep() RETURNS trigger LANGUAGE plpgsql AS "
                         "'BEGIN RETURN NEW; END'"));
    Execute(absl::StrReplaceAll(GetParam().sql,
                                {{"$T", Table("t")}, {"$F", absl::StrCat(schema(), ".keep()")}}));
  }
};

TEST_P(OtherTableTest, IsCopiedInto) {
  Change();
  ASSERT_OK(Load(Claim("w").claim, 0, 5));
  EXPECT_EQ(Statements(), 0);
  EXPECT_EQ(Rows(), 5);
}

// The table was checked before it changed.
TEST_P(OtherTableTest, ChangedTableLosesNoRows) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Load(claim, 0, 5));
  Change();
  ASSERT_OK(Load(claim, 5, 10));
  EXPECT_EQ(Rows(), 10);
  EXPECT_EQ(DistinctRows(), 10);
}

INSTANTIATE_TEST_SUITE_P(
    Tables, OtherTableTest,
    ::testing::Values(
        OtherTable{"BeforeTrigger",
                   "CREATE TRIGGER k BEFORE INSERT ON $T FOR EACH ROW EXECUTE FUNCTION $F"},
        OtherTable{"StatementTrigger",
                   "CREATE TRIGGER k AFTER INSERT ON $T FOR EACH STATEMENT EXECUTE FUNCTION $F"},
        OtherTable{"RuleInstead", "CREATE RULE k AS ON INSERT TO $T DO INSTEAD NOTHING"},
        OtherTable{"RuleAlso", "CREATE RULE k AS ON INSERT TO $T DO ALSO NOTIFY k"}),
    [](const auto& tested) { return tested.param.name; });

// What commits alone, by the catalog.
struct LoneTable {
  const char* name;
  const char* sql;  // $S is the schema, $T the table, $S.f(bigint) a function of a user
};

class LoneTableTest : public SmallCommitTest, public ::testing::WithParamInterface<LoneTable> {};

TEST_P(LoneTableTest, IsLeftOutOfGroups) {
  const std::unique_ptr<postgres::Connection> session = Connect();
  const auto use = [&]() -> postgres::StatementUse {
    const auto found = postgres::GetStatementUse(*session, {schema(), "t"});
    EXPECT_OK(found);
    return found.value_or(postgres::StatementUse());
  };
  const auto execute = [this](absl::string_view sql) {
    Execute(absl::StrReplaceAll(sql, {{"$S", schema()}, {"$T", Table("t")}}));
  };
  execute("CREATE TYPE $S.mood AS ENUM ('fine')");
  execute(
      "ALTER TABLE $T ADD at timestamptz DEFAULT now(), ADD id2 uuid DEFAULT gen_random_uuid(), "
      "ADD mood $S.mood DEFAULT 'fine', ADD twice bigint GENERATED ALWAYS AS (2 * id) STORED, "
      "ADD number serial, ADD CHECK (abs(id) >= 0)");
  execute("CREATE INDEX ON $T (lower(_airbyte_raw_id)) WHERE id > 0");
  EXPECT_TRUE(use().grouped);
  execute(
      "CREATE FUNCTION $S.f(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS "
      "'BEGIN RETURN $1; END'");
  execute(GetParam().sql);
  EXPECT_TRUE(use().alone);
  EXPECT_FALSE(use().grouped);
}

INSTANTIATE_TEST_SUITE_P(
    Tables, LoneTableTest,
    ::testing::Values(
        LoneTable{"Default", "ALTER TABLE $T ADD x bigint DEFAULT $S.f(1)"},
        LoneTable{"GeneratedColumn",
                  "ALTER TABLE $T ADD x bigint GENERATED ALWAYS AS ($S.f(id)) STORED"},
        LoneTable{"Check", "ALTER TABLE $T ADD CHECK ($S.f(id) >= 0)"},
        LoneTable{"IndexExpression", "CREATE INDEX ON $T (($S.f(id)))"},
        LoneTable{"IndexPredicate", "CREATE INDEX ON $T (id) WHERE $S.f(id) > 0"},
        LoneTable{
            "Domain",
            "CREATE DOMAIN $S.small AS bigint CHECK ($S.f(VALUE) >= 0);"
            "CREATE DOMAIN $S.smaller AS $S.small; ALTER TABLE $T ADD x $S.smaller DEFAULT 1"},
        LoneTable{"DomainInAType",
                  "CREATE DOMAIN $S.part AS bigint CHECK ($S.f(VALUE) >= 0);"
                  "CREATE TYPE $S.whole AS (part $S.part); ALTER TABLE $T ADD x $S.whole[]"},
        LoneTable{"Operator",
                  "CREATE FUNCTION $S.same(bigint, bigint) RETURNS boolean IMMUTABLE LANGUAGE sql "
                  "AS 'SELECT $1 = $2'; CREATE OPERATOR $S.=== (FUNCTION = $S.same, LEFTARG = "
                  "bigint, RIGHTARG = bigint); ALTER TABLE $T ADD CHECK (id OPERATOR($S.===) id)"}),
    [](const auto& tested) { return tested.param.name; });

// An enum is sent as text, which an INSERT does not cast.
TEST_F(SmallCommitTest, ColumnOfAUsersTypeIsCopied) {
  Execute(absl::StrCat("CREATE TYPE ", schema(), ".mood AS ENUM ('fine'); ALTER TABLE ", Table("t"),
                       " ADD COLUMN mood ", schema(), ".mood"));
  ColumnSchema mood = {"mood", "mood", ColumnType::kVarchar};
  mood.table_type = absl::StrCat(schema(), ".mood");
  mood.stored_type = "text";
  plan_.schema.columns.push_back(mood);
  write::InsertBuffer buffer(&load_, plan_, "sync", Claim("w").claim);
  buffer.Append({0, 0, "{}"}, {Value::Scalar(0), Value::Text("fine")});
  buffer.Cover({0, 1}, 0);
  ASSERT_OK(FlushAll(buffer));
  EXPECT_EQ(Statements(), 0);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT count(*) FROM ", Table("t"), " WHERE mood = 'fine'")), 1);
}

TEST_F(SmallCommitTest, TriggerThatSkipsRowsIsNoticed) {
  const WriterClaim claim = Claim("w").claim;
  ASSERT_OK(Load(claim, 0, 5));
  Execute(absl::StrCat("CREATE FUNCTION ", schema(),
                       ".skip() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
                       "CREATE TRIGGER skip BEFORE INSERT ON ",
                       Table("t"), " FOR EACH ROW EXECUTE FUNCTION ", schema(), ".skip()"));
  EXPECT_THAT(Load(claim, 5, 10),
              StatusIs(StatusCode::kFailedPrecondition, "REJECTED_BY_DATABASE"));
  EXPECT_EQ(Rows(), 5);
  EXPECT_EQ(Writer(), "{[0,5)} 5 0 0 0 f");
}

TEST_F(SmallCommitTest, IdentityColumnKeepsItsValues) {
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " ALTER COLUMN id SET NOT NULL, ",
                       "ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY"));
  ASSERT_OK(Load(Claim("w").claim, 7, 9));
  EXPECT_EQ(Statements(), 1);
  EXPECT_EQ(QueryInt(absl::StrCat("SELECT max(id) FROM ", Table("t"))), 8);
}

TEST_F(SmallCommitTest, LockedTableIsWaitedForOnlyBriefly) {
  const WriterClaim claim = Claim("w").claim;
  const std::unique_ptr<postgres::Connection> locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("LOCK TABLE ", Table("t"))));
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  Fill(buffer, 0, 10);
  for (int i = 0; i < 3; ++i) {
    const absl::Time begun = absl::Now();
    ASSERT_OK_AND_ASSIGN(const write::FlushAttempt attempt, buffer.Flush({}));
    EXPECT_FALSE(attempt.committed.has_value());
    EXPECT_TRUE(attempt.locked);
    EXPECT_LT(absl::Now() - begun, absl::Seconds(1));
  }
  ASSERT_OK(locker->Commit());
  EXPECT_OK(FlushAll(buffer));
  EXPECT_EQ(Rows(), 10);
}

TEST_F(SmallCommitTest, LockedWriterIsWaitedFor) {
  const WriterClaim claim = Claim("w").claim;
  const std::unique_ptr<postgres::Connection> locker = Connect();
  ASSERT_OK(locker->Begin());
  ASSERT_OK(locker->Execute(absl::StrCat("SELECT FROM ", Table("writer"), " FOR UPDATE")));
  write::InsertBuffer buffer(&load_, plan_, "sync", claim);
  Fill(buffer, 0, 10);
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK_AND_ASSIGN(const write::FlushAttempt attempt, buffer.Flush({}));
    EXPECT_TRUE(attempt.locked);
  }
  ASSERT_OK(locker->Commit());
  EXPECT_OK(FlushAll(buffer));
  EXPECT_EQ(Rows(), 10);
}

// A column of every type into which rows are sent in binary form.
TEST_F(SmallCommitTest, EveryTypeIsStoredAsByCopy) {
  struct Sample {
    ColumnSchema column;
    Value value;
  };
  const auto make = [](const std::string& name, ColumnType type, Value value,
                       const std::string& table_type = "") {
    Sample sample = {{name, name, type}, value};
    sample.column.table_type = table_type;
    return sample;
  };
  const std::vector<Sample> samples = {
      make("varchar", ColumnType::kVarchar, Value::Text("a 'b' \"c\" \\ {d}, é")),
      make("numeric", ColumnType::kNumeric, Value::Text("-12345678901234567890.125")),
      make("bigint", ColumnType::kBigint, Value::Scalar(-5)),
      make("boolean", ColumnType::kBoolean, Value::Scalar(1)),
      make("date", ColumnType::kDate, Value::Scalar(8825)),
      make("timestamptz", ColumnType::kTimestamptz, Value::Scalar(123'456'789)),
      make("timestamp", ColumnType::kTimestamp, Value::Scalar(-123'456'789)),
      make("timetz", ColumnType::kTimetz, Value::TimeWithZone(3'600'000'000, -7200)),
      make("time", ColumnType::kTime, Value::Scalar(3'600'000'001)),
      make("jsonb", ColumnType::kJsonb, Value::Text("{\"a\": [1, null, \"x\"]}")),
      make("bytea", ColumnType::kBytea, Value::Text(absl::string_view("\0\1\xff", 3))),
      make("text", ColumnType::kVarchar, Value::Text("NULL"), "text"),
      make("char", ColumnType::kVarchar, Value::Text("ab"), "character(4)"),
      make("short", ColumnType::kVarchar, Value::Text("ab"), "character varying(2)"),
      make("uuid", ColumnType::kVarchar, Value::Text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
           "uuid"),
      make("int2", ColumnType::kBigint, Value::Scalar(-3), "smallint"),
      make("int4", ColumnType::kBigint, Value::Scalar(70'000), "integer"),
      make("float4", ColumnType::kNumeric, Value::Text("1.5"), "real"),
      make("float8", ColumnType::kNumeric, Value::Text("0.1"), "double precision"),
      make("json", ColumnType::kJsonb, Value::Text("{\"b\" : 1}"), "json"),
      make("cents", ColumnType::kNumeric, Value::Text("1.25"), "numeric(10,2)"),
      make("seconds", ColumnType::kTimestamptz, Value::Scalar(1'000'000),
           "timestamp(0) with time zone"),
  };
  TableSchema schema;
  std::vector<Value> values;
  for (const Sample& sample : samples) {
    schema.columns.push_back(sample.column);
    values.push_back(sample.value);
  }
  ASSERT_EQ(postgres::CopyFormatFor(schema), postgres::CopyFormat::kBinary);
  const TableName copied = {this->schema(), "copied"};
  const TableName inserted = {this->schema(), "inserted"};
  for (const TableName& table : {copied, inserted}) {
    std::string columns =
        "_airbyte_raw_id varchar, _airbyte_extracted_at timestamptz, _airbyte_meta jsonb, "
        "_airbyte_generation_id bigint";
    for (const Sample& sample : samples) {
      absl::StrAppend(&columns, ", ", postgres::QuoteIdentifier(sample.column.column_name), " ",
                      sample.column.table_type.empty() ? PostgresTypeName(sample.column.type)
                                                       : sample.column.table_type);
    }
    Execute(absl::StrCat("CREATE TABLE ", postgres::QuoteTable(table), " (", columns, ")"));
  }
  const postgres::RowEncoder encoder(schema, RawIdGenerator("sync", plan_.descriptor, "w"),
                                     /*generation_id=*/4);
  const std::vector<postgres::ElementType> types = postgres::GetElementTypes(schema);
  std::vector<std::string> names;
  for (const postgres::ElementType& type : types) names.emplace_back(type.name);
  const postgres::StatementCommit statement(committer_->quoted_schema(), inserted, schema, names);
  const std::unique_ptr<postgres::Connection> connection = Connect();
  const std::vector<Value> nulls(values.size());
  const WriterClaim claim = Claim("w").claim;
  // Several rows are sent as arrays, a single one as its fields.
  int64_t offset = 0;
  for (const std::vector<const std::vector<Value>*>& block :
       {std::vector<const std::vector<Value>*>{&values, &nulls}, {&values}, {&nulls}}) {
    const int64_t first = offset;
    std::vector<ByteBuffer> blocks(1);
    postgres::AppendCopyHeader(&blocks[0]);
    for (const std::vector<Value>* row : block) {
      encoder.AppendRow({offset++, 77, "{\"sync_id\": 1}"}, *row, &blocks[0]);
    }
    ASSERT_OK(connection->BeginCopy(postgres::CopyBinarySql(copied, schema)));
    ASSERT_OK(connection->PutCopyData(blocks[0].view()));
    ByteBuffer trailer;
    postgres::AppendCopyTrailer(&trailer);
    ASSERT_OK(connection->PutCopyData(trailer.view()));
    ASSERT_OK(connection->EndCopy());
    postgres::DataCommit commit;
    commit.offsets.Add({first, offset});
    commit.rows = offset - first;
    ASSERT_OK_AND_ASSIGN(const int64_t durable,
                         statement.Commit(*connection, claim, commit, {},
                                          postgres::FrameRows(blocks, commit.rows, types)));
    EXPECT_EQ(durable, offset);
  }
  const auto rows = [&](const TableName& table) {
    return QueryText(
        absl::StrCat("SELECT r::text FROM ", postgres::QuoteTable(table), " r ORDER BY 1"));
  };
  EXPECT_EQ(rows(inserted), rows(copied));
  EXPECT_EQ(rows(inserted).size(), 4u);
}

}  // namespace
}  // namespace syncline

// Every kind of table that a Citus cluster has, in every mode: what loads, what is refused when the
// sync starts, and where the rows are afterwards.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/destination.h"
#include "tests/component/citus/citus_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

constexpr char kMarkedSchema[] =
    R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},)"
    R"("gone":{"type":"string","format":"date-time"}}})";

std::string Records(int first, int last, absl::string_view name, int at = 0) {
  std::string lines;
  for (int id = first; id <= last; ++id) lines += Record(id, name, at);
  return lines;
}

class CitusLoadTest : public CitusTest {
 protected:
  static Ask By(Ask ask, const std::string& column) {
    ask.distribute_by = column;
    return ask;
  }

  // Starts an append of `generation` that marks the rows of older ones in the column "gone".
  absl::Status StartMarking(absl::string_view sync_id, int64_t generation) {
    Ask ask = Append(generation);
    ask.json_schema = kMarkedSchema;
    v1::StartSyncRequest request;
    request.set_sync_id(std::string(sync_id));
    *request.add_streams() = Stream(ask);
    request.mutable_streams(0)->set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
    request.mutable_streams(0)->set_deleted_at_column("gone");
    return client().StartSync(request).status();
  }

  absl::Status Refusal(const Ask& ask, absl::string_view sync_id = "refused") {
    return Start(sync_id, ask).status();
  }

  // Loads 36 MiB in one call, and returns the number of transactions that stored them.
  std::string BlocksOf36MiB(absl::string_view sync_id) {
    EXPECT_OK(Start(sync_id, Append(0)).status());
    const std::unique_ptr<client::RecordsCall> call = client().StreamRecords();
    v1::StreamRecordsRequest message;
    message.mutable_header()->set_sync_id(std::string(sync_id));
    message.mutable_header()->mutable_descriptor()->set_name(kTable);
    call->Write(message);
    const std::string name(64 << 10, 'n');
    for (int batch = 0; batch < 36; ++batch) {
      const int first = 16 * batch;
      message.mutable_batch()->set_first_offset(first);
      message.mutable_batch()->set_jsonl(Records(first, first + 15, name));
      call->Write(message);
    }
    EXPECT_OK(call->Finish().status());
    EXPECT_OK(Complete(sync_id).status());
    return Value(
        "SELECT max(result::int) FROM run_command_on_shards('$S.users',"
        " 'SELECT count(DISTINCT xmin::text) FROM %s')");
  }

  // Returns the number of rows that the workers see.
  std::string RowsOnWorkers() {
    const std::string sql = absl::StrCat("SELECT count(*) FROM ", Table(kTable));
    return absl::StrCat(OnWorker(1, sql), " ", OnWorker(2, sql));
  }
};

TEST_F(CitusLoadTest, WorkerNodesAreRefused) {
  for (const size_t node : {size_t{0}, size_t{1}, size_t{2}}) {
    postgres::Destination destination;
    postgres::DatabaseOptions options;
    options.conninfo = node == 0 ? dsn() : cluster().worker(node).dsn();
    options.destination = &destination;
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<postgres::Database> server,
                         postgres::Database::Create(options));
    const absl::Status reached = server->Ping();
    if (node == 0) {
      EXPECT_OK(reached);
      EXPECT_TRUE(destination.citus());
    } else {
      EXPECT_THAT(reached, StatusIs(kRefused, "WRONG_NODE"));
    }
  }
}

TEST_F(CitusLoadTest, NewTablesAreOrdinary) {
  Load("s1", Dedup(0), Record(1, "a") + Record(2, "b"));
  Load("s2", Dedup(0), Record(2, "c", 1));
  EXPECT_EQ(Rows(), "1:a@0 2:c@0");
  Load("s3", Replace(1), Record(3, "d"));
  EXPECT_EQ(Rows(), "3:d@1");
  EXPECT_EQ(TargetPlacement(), "ordinary");
}

TEST_F(CitusLoadTest, AppendIntoHashTable) {
  Distribute("id");
  Load("s1", Append(0), Records(1, 20, "a"));
  EXPECT_EQ(RowsOnWorkers(), "20 20");
  // One record, which an ordinary table would get by one statement.
  Load("s2", Append(0), Record(21, "b"));
  EXPECT_EQ(RowsOnWorkers(), "21 21");
  EXPECT_EQ(TargetPlacement(), "hash id");
}

TEST_F(CitusLoadTest, EvolutionOfHashTable) {
  // Only columns of a stream change their types.
  Load("s1", By(Append(0), "id"), Record(1, "a"));
  Run("CREATE VIEW $S.times AS SELECT id, at FROM $S.users");
  Ask wider = Append(0);
  wider.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"string"},)"
      R"("more":{"type":"string"}}})";
  Load("s2", wider,
       R"({"id":2,"name":"b","at":"x","more":"y"})"
       "\n");
  EXPECT_EQ(OnWorker(1, absl::StrCat("SELECT string_agg(at || coalesce(more, '-'), ' ' ORDER BY id)"
                                     " FROM ",
                                     Table(kTable))),
            "0- xy");
  EXPECT_EQ(OnWorker(2, "SELECT at FROM $S.times WHERE id = 2"), "x");
  Ask retyped = Append(0);
  retyped.json_schema = R"({"properties":{"id":{"type":"string"}}})";
  const absl::Status refused = Refusal(retyped);
  EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  EXPECT_THAT(refused.message(), HasSubstr("bigint"));
}

TEST_F(CitusLoadTest, DedupIntoHashTable) {
  Distribute("id");
  Load("s1", Dedup(0), Records(1, 30, "a"));
  Load("s2", Dedup(0), Records(21, 40, "b", 1) + Records(21, 25, "old", 0));
  EXPECT_EQ(RowsOnWorkers(), "40 40");
  EXPECT_EQ(Value("SELECT string_agg(DISTINCT name, ' ') FROM $S.users WHERE id > 20"), "b");
  EXPECT_EQ(Value("SELECT string_agg(DISTINCT name, ' ') FROM $S.users WHERE id <= 20"), "a");
  // Older values change nothing.
  Load("s3", Dedup(0), Records(21, 40, "c", 0));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users WHERE name = 'c'"), "0");
  EXPECT_EQ(TargetPlacement(), "hash id");
  EXPECT_EQ(PlacedStaging(), "");
}

TEST_F(CitusLoadTest, DedupDeletesAndKeepsColumns) {
  Ask ask = Dedup(0);
  ask.deletes = true;
  ask.distribute_by = "id";
  Load("s1", ask, Records(1, 10, "a"));
  Run("ALTER TABLE $S.users ADD COLUMN note varchar; UPDATE $S.users SET note = 'kept'");
  Load("s2", ask,
       Records(1, 3, "b", 1) + Record(11, "b", 1) +
           R"({"id":5,"name":"x","at":1,"_ab_cdc_deleted_at":"2024-01-01T00:00:00Z"})"
           "\n"
           R"({"id":99,"name":"x","at":1,"_ab_cdc_deleted_at":"2024-01-01T00:00:00Z"})"
           "\n");
  EXPECT_EQ(Value("SELECT string_agg(id || name || coalesce(note, '-'), ' ' ORDER BY id)"
                  " FROM $S.users WHERE id <= 5 OR id > 10"),
            "1bkept 2bkept 3bkept 4akept 11b-");
}

// The merge updates the rows, because it keeps the values of "note".
TEST_F(CitusLoadTest, DedupDoesNotKeepAnIdentityColumnSilently) {
  Run("CREATE TABLE $S.users (_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz"
      " NOT NULL, _airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT NULL, id bigint,"
      " name varchar, at bigint, number bigint GENERATED ALWAYS AS IDENTITY, note varchar);"
      "SELECT create_distributed_table('$S.users', 'id')");
  Ask ask = Dedup(0);
  ask.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},)"
      R"("number":{"type":"integer"}}})";
  const auto record = [](int id, int at, int number) {
    return absl::StrCat("{\"id\":", id, ",\"at\":", at, ",\"number\":", number, "}\n");
  };
  Load("s1", ask, record(1, 1, 10) + record(2, 1, 20));
  Load("s2", ask, record(2, 2, 20) + record(3, 2, 30));
  const std::string rows =
      "SELECT string_agg(concat_ws('/', id, at, number), ' ' ORDER BY id)"
      " FROM $S.users";
  EXPECT_EQ(Value(rows), "1/1/10 2/2/20 3/2/30");
  ASSERT_OK(Start("s3", ask).status());
  ASSERT_OK(Send("s3", record(2, 3, 21) + record(4, 3, 40)).status());
  const absl::Status refused = Complete("s3").status();
  EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("(number)"));
  EXPECT_EQ(Value(rows), "1/1/10 2/2/20 3/2/30");
}

TEST_F(CitusLoadTest, DedupMarksOnlyRowsThatWereNotSent) {
  Ask ask = By(Dedup(1), "id");
  ask.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"at":{"type":"integer"},)"
      R"("gone":{"type":"string","format":"date-time"}}})";
  Load("s1", ask, Records(1, 10, "a", 5));
  ask.generation = 2;
  v1::StartSyncRequest request;
  request.set_sync_id("s2");
  *request.add_streams() = Stream(ask);
  request.mutable_streams(0)->set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
  request.mutable_streams(0)->set_deleted_at_column("gone");
  ASSERT_OK(client().StartSync(request).status());
  // The first record is older than the stored row, and the second one newer.
  ASSERT_OK(Send("s2", Record(1, "b", 4) + Record(2, "b", 6)).status());
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed, Complete("s2"));
  EXPECT_EQ(completed.rows_marked_deleted(), 8);
  EXPECT_EQ(Value("SELECT string_agg(id || name || _airbyte_generation_id, ' ' ORDER BY id)"
                  " FROM $S.users WHERE gone IS NULL"),
            "1a2 2b2");
}

TEST_F(CitusLoadTest, AppendMarksOlderRowsInEveryTable) {
  int64_t syncs = 0;
  for (const std::string& place :
       {std::string("create_distributed_table('$S.users', 'id')"),
        std::string("create_reference_table('$S.users')"),
        std::string("citus_add_local_table_to_metadata('$S.users')"), std::string()}) {
    SCOPED_TRACE(place);
    Run("DROP TABLE IF EXISTS $S.users");
    // Generations are counted per table, whose rows are gone.
    Ask ask = Append(1);
    ask.json_schema = kMarkedSchema;
    const std::string before = absl::StrCat("before", ++syncs);
    const std::string sync_id = absl::StrCat("marking", syncs);
    Load(before, ask, Records(1, 10, "a"));
    if (!place.empty()) Run("SELECT " + place);
    const std::string placement = TargetPlacement();
    ASSERT_OK(StartMarking(sync_id, 2));
    ASSERT_OK(Send(sync_id, Records(5, 8, "b")).status());
    ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse completed, Complete(sync_id));
    EXPECT_EQ(completed.rows_marked_deleted(), 10);
    EXPECT_EQ(Value("SELECT string_agg(id || name, ' ' ORDER BY id) FROM $S.users"
                    " WHERE gone IS NULL"),
              "5b 6b 7b 8b");
    EXPECT_EQ(TargetPlacement(), placement);
  }
}

TEST_F(CitusLoadTest, TheDistributionColumnMarksNoRows) {
  Run("CREATE TABLE $S.users (_airbyte_raw_id varchar NOT NULL, _airbyte_extracted_at timestamptz"
      " NOT NULL, _airbyte_meta jsonb NOT NULL, _airbyte_generation_id bigint NOT NULL, id bigint,"
      " name varchar, at bigint, gone timestamptz);"
      "SELECT create_distributed_table('$S.users', 'gone')");
  EXPECT_THAT(StartMarking("s1", 1), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  v1::StartSyncRequest request;
  request.set_sync_id("s2");
  Ask ask = By(Append(1), "gone");
  ask.json_schema = kMarkedSchema;
  *request.add_streams() = Stream(ask, "others");
  request.mutable_streams(0)->set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
  request.mutable_streams(0)->set_deleted_at_column("gone");
  EXPECT_THAT(client().StartSync(request).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, "INVALID_REQUEST"));
}

TEST_F(CitusLoadTest, DedupByCompositeAndTextKeys) {
  Ask ask = Dedup(0);
  ask.primary_key = {"name", "id"};
  ask.distribute_by = "name";
  Load("s1", ask, Record(1, "a") + Record(2, "a") + Record(1, "b"));
  Load("s2", ask,
       Record(1, "a", 5) + R"({"name":"a","id":null,"at":1})" + "\n" +
           R"({"name":"a","id":null,"at":2})" + "\n");
  EXPECT_EQ(TargetPlacement(), "hash name");
  EXPECT_EQ(Value("SELECT string_agg(name || coalesce(id::text, '-') || at, ' '"
                  " ORDER BY name, id) FROM $S.users"),
            "a15 a20 a-2 b10");
}

TEST_F(CitusLoadTest, ReplaceOfHashTable) {
  Distribute("id");
  Run("ALTER TABLE $S.users ADD PRIMARY KEY (id); CREATE INDEX by_name ON $S.users (name);"
      "ALTER TABLE $S.users ADD CONSTRAINT positive CHECK (id > 0);"
      "CREATE VIEW $S.names AS SELECT id, name FROM $S.users");
  Load("s1", Append(0), Records(1, 20, "a"));
  EXPECT_EQ(Load("s2", Replace(1), Records(5, 30, "b")).outcome(), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(RowsOnWorkers(), "26 26");
  EXPECT_EQ(TargetPlacement(), "hash id");
  EXPECT_EQ(PlacedStaging(), "");
  EXPECT_EQ(Value("SELECT string_agg(conname, ' ' ORDER BY conname) FROM pg_constraint"
                  " WHERE conrelid = '$S.users'::regclass"),
            "positive users_pkey");
  EXPECT_EQ(Value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_index"
                  " JOIN pg_class ON oid = indexrelid WHERE indrelid = '$S.users'::regclass"),
            "by_name users_pkey");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.names WHERE name = 'b'"), "26");
  EXPECT_EQ(OnWorker(1, "SELECT count(*) FROM $S.names WHERE name = 'b'"), "26");
}

TEST_F(CitusLoadTest, DedupReplaceOfHashTable) {
  Distribute("id");
  Load("s1", Append(0), Records(1, 20, "a"));
  Load("s2", DedupReplace(1), Records(1, 10, "b") + Records(5, 15, "c", 1));
  EXPECT_EQ(RowsOnWorkers(), "15 15");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users WHERE name = 'c'"), "11");
  EXPECT_EQ(TargetPlacement(), "hash id");
  // A second part of the generation is merged.
  Load("s3", DedupReplace(1), Records(15, 16, "d", 2));
  EXPECT_EQ(RowsOnWorkers(), "16 16");
}

TEST_F(CitusLoadTest, NewTablesAreDistributedOnRequest) {
  Load("s1", By(Append(0), "id"), Records(1, 10, "a"));
  EXPECT_EQ(TargetPlacement(), "hash id");
  EXPECT_EQ(RowsOnWorkers(), "10 10");
  Run("DROP TABLE $S.users");
  Load("s2", By(Replace(1), "id"), Records(1, 10, "a"));
  EXPECT_EQ(TargetPlacement(), "hash id");
  Load("s3", By(Replace(2), "id"), Records(1, 5, "b"));
  EXPECT_EQ(RowsOnWorkers(), "5 5");
  EXPECT_THAT(Refusal(By(Append(2), "name")), StatusIs(kRefused, "DISTRIBUTION_DIFFERS"));
  Run("DROP TABLE $S.users");
  RestartServer({"--distribute_new_tables=key"});
  Load("s4", Dedup(3), Records(1, 10, "a"));
  EXPECT_EQ(TargetPlacement(), "hash id");
  Run("DROP TABLE $S.users");
  Load("s5", Append(4), Records(1, 10, "a"));
  EXPECT_EQ(TargetPlacement(), "hash _airbyte_raw_id");
}

TEST_F(CitusLoadTest, PlansSayWhereTheTableIs) {
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_ORDINARY  0 ");
  EXPECT_EQ(PlannedPlacement(By(Append(0), "id")), "KIND_HASH id 0 ");
  Run("SET citus.shard_count = 8");
  Distribute("id");
  EXPECT_EQ(PlannedPlacement(Dedup(0)),
            absl::StrCat("KIND_HASH id ",
                         Value("SELECT count(*) FROM pg_dist_shard"
                               " WHERE logicalrelid = '$S.users'::regclass"),
                         " heap"));
  Run("DROP TABLE $S.users");
  Load("s1", Append(0), Record(1, "a"));
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_ORDINARY  0 heap");
  Run("SELECT create_reference_table('$S.users')");
  EXPECT_EQ(PlannedPlacement(Append(0)), "KIND_REFERENCE  0 heap");
}

TEST_F(CitusLoadTest, BlocksOfDistributedTablesAreLarge) {
  Distribute("id");
  RestartServer({"--lanes_per_stream=1", "--flush_interval=10m"});
  EXPECT_EQ(BlocksOf36MiB("s1"), "2") << "the first block finds the placement out";
  Run("TRUNCATE $S.users");
  RestartServer({"--lanes_per_stream=1", "--flush_interval=10m", "--flush_bytes=8MiB"});
  EXPECT_EQ(BlocksOf36MiB("s2"), "5");
}

TEST_F(CitusLoadTest, NullInTheDistributionColumnIsRejected) {
  Distribute("id");
  ASSERT_OK(Start("s1", Append(0)).status());
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent,
                       Send("s1", Record(1, "a") + R"({"name":"b"})" + "\n" + Record(3, "c")));
  EXPECT_EQ(sent.records_rejected(), 1);
  ASSERT_OK(Complete("s1").status());
  EXPECT_EQ(Rows(), "1:a@0 3:c@0");
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT reason FROM ", ledger(), ".rejected_record")),
            "MISSING_DISTRIBUTION_KEY");
}

TEST_F(CitusLoadTest, RowsThatAShardRefusesAreRejected) {
  Distribute("id");
  Run("ALTER TABLE $S.users ADD CONSTRAINT few CHECK (at < 100)");
  ASSERT_OK(Start("s1", Append(0)).status());
  ASSERT_OK_AND_ASSIGN(const v1::StreamRecordsResponse sent,
                       Send("s1", Records(1, 20, "a") + Record(21, "b", 100)));
  EXPECT_EQ(sent.records_rejected(), 1);
  ASSERT_OK(Complete("s1").status());
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users"), "20");
  EXPECT_THAT(QueryValue(absl::StrCat("SELECT detail FROM ", ledger(), ".rejected_record")),
              HasSubstr("\"few\""));
}

TEST_F(CitusLoadTest, ReferenceTables) {
  Load("s1", Append(0), Records(1, 5, "a"));
  Run("SELECT create_reference_table('$S.users')");
  Load("s2", Append(0), Record(6, "b"));
  EXPECT_EQ(RowsOnWorkers(), "6 6");
  Load("s3", Replace(1), Records(1, 3, "c"));
  EXPECT_EQ(RowsOnWorkers(), "3 3");
  EXPECT_EQ(TargetPlacement(), "reference");
  EXPECT_THAT(Refusal(Dedup(1)), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  EXPECT_THAT(Refusal(DedupReplace(2)), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
}

TEST_F(CitusLoadTest, ManagedLocalTablesAreAppendedTo) {
  Load("s1", Append(0), Records(1, 5, "a"));
  Run("SELECT citus_add_local_table_to_metadata('$S.users')");
  EXPECT_EQ(TargetPlacement(), "local");
  Load("s2", Append(0), Record(6, "b"));
  EXPECT_EQ(RowsOnWorkers(), "6 6");
  for (const Ask& ask : {Dedup(0), Replace(1), DedupReplace(1)}) {
    EXPECT_THAT(Refusal(ask), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  }
}

TEST_F(CitusLoadTest, DistributedSchemasAreAppendedTo) {
  Run("SELECT citus_schema_distribute('$S')");
  Load("s1", Append(0), Records(1, 5, "a"));
  EXPECT_EQ(TargetPlacement(), "single shard");
  EXPECT_EQ(RowsOnWorkers(), "5 5");
  for (const Ask& ask : {Dedup(0), Replace(1), DedupReplace(1)}) {
    EXPECT_THAT(Refusal(ask), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  }
  Run("SELECT citus_schema_undistribute('$S')");
}

TEST_F(CitusLoadTest, ColumnarTablesStayColumnar) {
  Load("s1", Append(0), Records(1, 5, "a"));
  Run("SELECT alter_table_set_access_method('$S.users', 'columnar')");
  const std::string method =
      "SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam"
      " WHERE c.oid = '$S.users'::regclass";
  Load("s2", Append(0), Record(6, "b"));
  Load("s3", Replace(1), Records(1, 3, "c"));
  EXPECT_EQ(Rows(), "1:c@1 2:c@1 3:c@1");
  EXPECT_EQ(Value(method), "columnar");
  EXPECT_THAT(Refusal(Dedup(1)), StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(Refusal(DedupReplace(2)), StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  Run("SELECT create_distributed_table('$S.users', 'id')");
  Load("s4", Append(1), Record(4, "d"));
  Load("s5", Replace(2), Records(1, 2, "e"));
  EXPECT_EQ(Value(method), "columnar");
  EXPECT_EQ(TargetPlacement(), "hash id");
  EXPECT_EQ(RowsOnWorkers(), "2 2");
}

TEST_F(CitusLoadTest, ValidationCountsAcrossShards) {
  Load("s1", By(Dedup(0), "id"), Records(1, 40, "a"));
  ASSERT_OK(Start("s2", Dedup(0)).status());
  ASSERT_OK(Send("s2", Records(31, 60, "b", 1)).status());
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse checked, Validate("s2"));
  EXPECT_EQ(checked.validation().rows_inserted(), 20);
  EXPECT_EQ(checked.validation().rows_updated(), 10);
  EXPECT_EQ(checked.validation().rows_deleted(), 0);
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s2"));
  EXPECT_EQ(done.rows(), 30);
}

TEST_F(CitusLoadTest, ReplacedGenerationsAreKept) {
  RestartServer({"--keep_generations=1"});
  Load("s1", By(Replace(1), "id"), Records(1, 10, "a"));
  Run("ALTER TABLE $S.users ADD PRIMARY KEY (id)");
  Load("s2", Replace(2), Records(1, 5, "b"));
  Load("s3", Replace(3), Records(1, 3, "c"));
  EXPECT_EQ(RowsOnWorkers(), "3 3");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users_syncline_old_2"), "5");
  EXPECT_EQ(Value("SELECT string_agg(conname, ' ') FROM pg_constraint WHERE contype = 'p'"
                  " AND conrelid = '$S.users'::regclass"),
            "users_pkey");
}

TEST_F(CitusLoadTest, InPlaceReplaceIsRefused) {
  Distribute("id");
  Ask ask = Replace(1);
  ask.replace_strategy = v1::REPLACE_STRATEGY_IN_PLACE;
  EXPECT_THAT(Refusal(ask), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
}

TEST_F(CitusLoadTest, TablesDistributedMeanwhileAreRefused) {
  Load("s1", Append(0), Records(1, 5, "a"));
  ASSERT_OK(Start("s2", Replace(1)).status());
  ASSERT_OK(Send("s2", Records(1, 3, "b")).status());
  Run("SELECT create_distributed_table('$S.users', 'id')");
  EXPECT_THAT(Complete("s2").status(), StatusIs(kRefused, "TARGET_DISTRIBUTED"));
  EXPECT_EQ(RowsOnWorkers(), "5 5");
  EXPECT_EQ(TargetPlacement(), "hash id");
  // The next sync of the generation places the staged rows, too.
  Load("s3", Replace(1), Record(4, "b"));
  EXPECT_EQ(RowsOnWorkers(), "4 4");
}

}  // namespace
}  // namespace syncline::testing

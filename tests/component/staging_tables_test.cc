// Staging tables are in the ledger's schema, no other role can read them, and they resemble their
// targets. Those that an older version left in the schema of a target are adopted.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/component/app_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr v1::StreamStatus kIncomplete = v1::STREAM_STATUS_INCOMPLETE;
constexpr char kNarrow[] = R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"}}})";

class StagingTablesTest : public AppTest {
 protected:
  // Drops what a test creates outside its schemas, also if it failed halfway.
  void TearDown() override {
    if (!schema().empty()) {
      if (!roles_.empty()) RestartServerAs("");
      Run("SET client_min_messages = error; DROP PUBLICATION IF EXISTS $S_all");
      for (const std::string& role : roles_) {
        Execute(absl::StrCat("DROP OWNED BY ", role, " CASCADE; DROP ROLE ", role));
      }
    }
    AppTest::TearDown();
  }

  // $S: the schema; $L: the ledger's schema; $T: the target; $M: its staging table.
  std::string Expand(absl::string_view sql) const {
    return absl::StrReplaceAll(
        sql, {{"$S", schema()}, {"$L", ledger()}, {"$T", Table(kTable)}, {"$M", StagingTable()}});
  }
  void Run(absl::string_view sql) { Execute(Expand(sql)); }
  std::string Value(absl::string_view sql) { return QueryValue(Expand(sql)); }

  // Creates a role that is dropped at the end of the test.
  std::string MakeRole(absl::string_view suffix) {
    const std::string role = absl::StrCat(schema(), suffix);
    Execute("CREATE ROLE " + role);
    roles_.push_back(role);
    return role;
  }

  // The relations of ours that are neither the ledger's nor targets.
  std::string Leftovers(const std::string& in_schema) {
    return QueryValue(
        absl::StrCat("SELECT coalesce(string_agg(relname, ' '), '') FROM pg_class "
                     "WHERE relname LIKE '\\_syncline%' AND relnamespace = '",
                     in_schema, "'::regnamespace"));
  }

  // All grants on the relation and its columns.
  std::string Grants(const std::string& table) {
    return QueryValue(absl::StrCat(
        "SELECT coalesce(string_agg(line, ' ' ORDER BY line), '') FROM (SELECT "
        "concat_ws(' ', a.grantee::regrole, a.privilege_type, a.is_grantable) FROM pg_class c, "
        "aclexplode(c.relacl) a WHERE c.oid = '",
        table,
        "'::regclass AND a.grantee <> c.relowner UNION ALL SELECT concat_ws(' ', attname, "
        "a.grantee::regrole, a.privilege_type) FROM pg_attribute, aclexplode(attacl) a WHERE "
        "attrelid = '",
        table, "'::regclass) g (line)"));
  }

  // Leaves the staging table of the sync, which must not be loading, as an older version made it.
  void MoveToTargetsSchema() {
    Run("ALTER TABLE $M SET SCHEMA $S; UPDATE $L.stream SET temp_table_schema = NULL");
  }
  // The SQL name of a staging table of an older version.
  std::string OldStagingTable() const {
    return absl::StrReplaceAll(StagingTable(), {{ledger() + ".", schema() + "."}});
  }
  std::string Exists(const std::string& table) {
    return QueryValue(absl::StrCat("SELECT to_regclass('", table, "') IS NOT NULL"));
  }

  std::vector<std::string> roles_;
};

struct Loader {
  std::string name;
  Ask ask;
};

class EveryStagingLoader : public StagingTablesTest,
                           public ::testing::WithParamInterface<Loader> {};

TEST_P(EveryStagingLoader, StagesInTheLedgersSchema) {
  const Ask ask = GetParam().ask;
  ASSERT_OK(Start("s1", ask));
  ASSERT_OK(Send("s1", Record(1, "a")));
  EXPECT_EQ(StagedRows(), absl::StrCat("1:a@", ask.generation));
  EXPECT_EQ(Leftovers(schema()), "");
  ASSERT_OK(Complete("s1"));
  EXPECT_EQ(Rows(), absl::StrCat("1:a@", ask.generation));
  EXPECT_EQ(Leftovers(schema()), "");
  EXPECT_EQ(Leftovers(ledger()), "");
}

TEST_P(EveryStagingLoader, AdoptsStagingTableOfOlderVersion) {
  const Ask ask = GetParam().ask;
  ASSERT_OK(Start("s1", ask));
  ASSERT_OK(Send("s1", Record(1, "a")));
  ASSERT_OK(client().CancelSync("s1"));
  MoveToTargetsSchema();
  const std::string reader = MakeRole("_reader");
  Execute(absl::StrCat("GRANT SELECT ON ", OldStagingTable(), " TO ", reader, "; CREATE INDEX ON ",
                       OldStagingTable(), " (id)"));
  v1::StartSyncRequest plan;
  plan.set_plan_only(true);
  *plan.add_streams() = Stream(ask);
  ASSERT_OK(client().StartSync(plan));
  EXPECT_EQ(Exists(OldStagingTable()), "t") << "a plan moves nothing";
  ASSERT_OK(Start("s2", ask));
  EXPECT_EQ(Exists(OldStagingTable()), "f");
  EXPECT_EQ(StagedRows(), absl::StrCat("1:a@", ask.generation));
  EXPECT_EQ(Grants(StagingTable()), "");
  EXPECT_EQ(Value("SELECT count(*) FROM pg_index WHERE indrelid = '$M'::regclass"), "0");
  ASSERT_OK(Send("s2", Record(2, "b")));
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), absl::StrCat("1:a@", ask.generation, " 2:b@", ask.generation));
  EXPECT_EQ(Leftovers(schema()), "");
  EXPECT_EQ(Leftovers(ledger()), "");
}

// A sync that an older server started goes on where its records are.
TEST_P(EveryStagingLoader, SyncOfOlderServerGoesOn) {
  const Ask ask = GetParam().ask;
  ASSERT_OK(Start("s1", ask));
  ASSERT_OK(Send("s1", Record(1, "a")));
  MoveToTargetsSchema();
  RestartServer();
  ASSERT_OK(Send("s1", Record(2, "b"), 1));
  EXPECT_EQ(Exists(OldStagingTable()), "t");
  EXPECT_EQ(Exists(StagingTable()), "f");
  ASSERT_OK(Complete("s1"));
  EXPECT_EQ(Rows(), absl::StrCat("1:a@", ask.generation, " 2:b@", ask.generation));
  EXPECT_EQ(Leftovers(schema()), "");
}

INSTANTIATE_TEST_SUITE_P(Loaders, EveryStagingLoader,
                         ::testing::Values(Loader{"Dedup", Dedup(1)}, Loader{"Replace", Replace(1)},
                                           Loader{"DedupReplace", DedupReplace(1)}),
                         [](const auto& loader) { return loader.param.name; });

TEST_F(StagingTablesTest, AppendCopiesRowsOfOlderVersionIn) {
  LoadAndCancel("s1", Replace(1), Record(1, "a"));
  MoveToTargetsSchema();
  Load("s2", Append(2), Record(2, "b"));
  EXPECT_EQ(Rows(), "1:a@1 2:b@2");
  EXPECT_EQ(Leftovers(schema()), "");
  EXPECT_EQ(Leftovers(ledger()), "");
}

TEST_F(StagingTablesTest, RowsInBothPlacesAreRefused) {
  LoadAndCancel("s1", Replace(1), Record(1, "a"));
  Execute(absl::StrCat("CREATE TABLE ", OldStagingTable(), " AS SELECT * FROM ", StagingTable()));
  const absl::Status refused = Start("s2", Replace(1)).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("_syncline_tmp_"));
  EXPECT_EQ(StagedRows(), "1:a@1");
  // The one without rows goes.
  Execute("DELETE FROM " + OldStagingTable());
  ASSERT_OK(Start("s3", Replace(1)));
  EXPECT_EQ(StagedRows(), "1:a@1");
  EXPECT_EQ(Exists(OldStagingTable()), "f");
}

TEST_F(StagingTablesTest, GrantsAreThoseOfTheTarget) {
  const std::string reader = MakeRole("_reader");
  const std::string writer = MakeRole("_writer");
  Execute(absl::StrCat("ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO ", reader,
                       "; ALTER DEFAULT PRIVILEGES IN SCHEMA ", schema(),
                       " GRANT INSERT ON TABLES TO ", writer, " WITH GRANT OPTION"));
  ASSERT_OK(Start("s1", Replace(1)));
  ASSERT_OK(Send("s1", Record(1, "a")));
  EXPECT_EQ(Grants(StagingTable()), "");
  ASSERT_OK(Complete("s1"));
  // A new table has the default privileges of its own schema.
  EXPECT_EQ(Grants(Table(kTable)), absl::StrCat(reader, " SELECT f ", writer, " INSERT t"));

  Execute(absl::StrCat("REVOKE ALL ON ", Table(kTable), " FROM ", writer, "; GRANT UPDATE (name) ",
                       "ON ", Table(kTable), " TO ", writer, "; GRANT DELETE ON ", Table(kTable),
                       " TO ", reader, " WITH GRANT OPTION"));
  const std::string before = Grants(Table(kTable));
  ASSERT_OK(Start("s2", Replace(2)));
  ASSERT_OK(Send("s2", Record(2, "b")));
  EXPECT_EQ(Grants(StagingTable()), "");
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(Rows(), "2:b@2");
  EXPECT_EQ(Grants(Table(kTable)), before);
}

TEST_F(StagingTablesTest, OwnerIsThatOfTheTarget) {
  Load("s1", Replace(1), Record(1, "a"));
  const std::string owner = MakeRole("_owner");
  Run(absl::StrCat("ALTER TABLE $T OWNER TO ", owner));
  Load("s2", Replace(2), Record(2, "b"));
  EXPECT_EQ(Value("SELECT relowner::regrole FROM pg_class WHERE oid = '$T'::regclass"), owner);
}

TEST_F(StagingTablesTest, ReplicaIdentityIsThatOfTheTarget) {
  Load("s1", Replace(1), Record(1, "a"));
  Run("ALTER TABLE $T ALTER id SET NOT NULL, ADD CONSTRAINT one UNIQUE (id)");
  const auto identity = [&] {
    return Value(
        "SELECT concat_ws(' ', c.relreplident, (SELECT i.indexrelid::regclass FROM pg_index i "
        "WHERE i.indrelid = c.oid AND i.indisreplident)) FROM pg_class c WHERE c.oid = "
        "'$T'::regclass");
  };
  int64_t generation = 1;
  for (const char* const kind : {"FULL", "NOTHING", "USING INDEX one", "DEFAULT"}) {
    Run(absl::StrCat("ALTER TABLE $T REPLICA IDENTITY ", kind));
    const std::string before = identity();
    ++generation;
    Load(absl::StrCat("s", generation), Replace(generation), Record(1, "a"));
    EXPECT_EQ(identity(), before) << kind;
  }
}

TEST_F(StagingTablesTest, PublishedStagingTableIsDeduplicated) {
  const auto identity_of = [&](absl::string_view table) {
    return Value(
        absl::StrCat("SELECT relreplident FROM pg_class WHERE oid = '", table, "'::regclass"));
  };
  // The publication is created before the start, or while records arrive.
  for (const bool early : {true, false}) {
    const std::string id = early ? "early" : "late";
    if (early) Run("CREATE PUBLICATION $S_all FOR ALL TABLES");
    ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start(id, DedupReplace(1)));
    std::vector<std::string> published;
    for (const v1::Warning& warning : started.streams(0).warnings()) {
      if (warning.code() == "STAGING_PUBLISHED") published.push_back(warning.text());
    }
    ASSERT_EQ(published.size(), early ? 1u : 0u);
    if (early) {
      EXPECT_THAT(published[0], AllOf(HasSubstr(schema() + "_all"), HasSubstr(ledger())));
    }
    ASSERT_OK(Send(id, Record(1, "a", 1) + Record(1, "b", 2)));
    EXPECT_EQ(identity_of("$M"), early ? "f" : "d");
    Run(early ? "DROP PUBLICATION $S_all" : "CREATE PUBLICATION $S_all FOR ALL TABLES");
    ASSERT_OK(Complete(id));
    EXPECT_EQ(Rows(), "1:b@1");
    if (early) {
      EXPECT_EQ(identity_of("$T"), "d") << "the table was given the staging table's identity";
    }
    Run("DROP TABLE $T");
  }
}

// The table is created by the transaction that merges into it.
TEST_F(StagingTablesTest, FirstMergeIntoAPublishedTable) {
  Run("CREATE PUBLICATION $S_all FOR ALL TABLES");
  Load("s1", Dedup(0), Record(1, "a", 1) + Record(1, "b", 2) + Record(2, "c", 1));
  EXPECT_EQ(Rows(), "1:b@0 2:c@0");
  Load("s2", Dedup(0), Record(1, "d", 3));
  EXPECT_EQ(Rows(), "1:d@0 2:c@0");
  Run("DROP PUBLICATION $S_all");
}

TEST_F(StagingTablesTest, StorageAndOrderOfColumnsAreThoseOfTheTarget) {
  Ask ask = Replace(1);
  ask.json_schema = kNarrow;
  Load("s1", ask, "{\"id\":1,\"name\":\"a\"}\n");
  Run("SET allow_in_place_tablespaces = on");
  Run("CREATE TABLESPACE $S_space LOCATION ''");
  Run("ALTER TABLE $T ADD note text, ALTER name SET STORAGE EXTERNAL, SET (fillfactor = 70, "
      "autovacuum_vacuum_threshold = 7, toast.autovacuum_enabled = false)");
  Run("ALTER TABLE $T SET TABLESPACE $S_space");
  const auto storage = [&](absl::string_view table) {
    return Value(absl::StrCat(
        "SELECT concat_ws(' ', c.reloptions, t.reloptions, s.spcname, (SELECT "
        "string_agg(attname || ':' || attstorage::text, ' ' ORDER BY attnum) FROM pg_attribute "
        "WHERE "
        "attrelid = c.oid AND attnum > 4 AND NOT attisdropped)) FROM pg_class c JOIN pg_class t ON "
        "t.oid = c.reltoastrelid JOIN pg_tablespace s ON s.oid = c.reltablespace WHERE c.oid = '",
        table, "'::regclass"));
  };
  const std::string expected = Expand(
      "{fillfactor=70,autovacuum_vacuum_threshold=7} {autovacuum_enabled=false} $S_space id:p "
      "name:e note:x at:p");
  for (int64_t generation = 2; generation <= 3; ++generation) {
    const std::string id = absl::StrCat("s", generation);
    ASSERT_OK(Start(id, Replace(generation)));
    EXPECT_EQ(storage("$M"), expected);
    ASSERT_OK(Send(id, Record(2, "b")));
    ASSERT_OK(Complete(id));
    EXPECT_EQ(storage("$T"), expected);
  }
  // A staging table that is merged has them, too.
  ASSERT_OK(Start("s4", Dedup(4)));
  EXPECT_THAT(storage("$M"), HasSubstr(Expand("{fillfactor=70,autovacuum_vacuum_threshold=7} "
                                              "{autovacuum_enabled=false} $S_space")));
  ASSERT_OK(Complete("s4"));
  Run("DROP TABLE $T");
  Run("DROP TABLESPACE $S_space");
}

TEST_F(StagingTablesTest, ResumedStagingTableIsBare) {
  Load("s1", Replace(1), Record(1, "a"));
  Run("CREATE UNIQUE INDEX one ON $T (id); CREATE INDEX ON $T (name)");
  ASSERT_OK(Start("s2", Replace(2)));
  ASSERT_OK(Send("s2", Record(1, "a") + Record(1, "b")));
  EXPECT_THAT(Complete("s2"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "TARGET_INCOMPATIBLE"));
  ASSERT_OK(client().CancelSync("s2"));
  EXPECT_EQ(Leftovers(schema()), "");
  Run("CREATE FUNCTION $S.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE ''not here''; END'");
  Run("CREATE INDEX ON $M (name); CREATE TRIGGER refuse BEFORE INSERT ON $M FOR EACH ROW "
      "EXECUTE FUNCTION $S.refuse()");
  ASSERT_OK(Start("s3", Replace(2)));
  EXPECT_EQ(Value("SELECT count(*) FROM pg_index WHERE indrelid = '$M'::regclass"), "0");
  EXPECT_EQ(Value("SELECT count(*) FROM pg_trigger WHERE tgrelid = '$M'::regclass"), "0");
  ASSERT_OK(Send("s3", Record(1, "c")));
  EXPECT_EQ(StagedRows(), "1:a@2 1:b@2 1:c@2");
}

// An event trigger that adds a trigger to every new table, as those for audits do.
TEST_F(StagingTablesTest, TriggersOfAnEventTriggerAreDropped) {
  Run("CREATE FUNCTION $S.refuse() RETURNS trigger LANGUAGE plpgsql AS "
      "'BEGIN RAISE ''not here''; END'; CREATE FUNCTION $S.audit() RETURNS event_trigger LANGUAGE "
      "plpgsql AS $$ DECLARE made regclass; BEGIN FOR made IN SELECT objid FROM "
      "pg_event_trigger_ddl_commands() WHERE object_type = 'table' LOOP EXECUTE format('CREATE "
      "TRIGGER refuse BEFORE INSERT ON %s FOR EACH ROW EXECUTE FUNCTION $S.refuse()', made); END "
      "LOOP; END $$; CREATE EVENT TRIGGER $S ON ddl_command_end WHEN TAG IN ('CREATE TABLE') "
      "EXECUTE FUNCTION $S.audit()");
  const absl::Status started = Start("s1", Replace(1)).status();
  const absl::Status sent = started.ok() ? Send("s1", Record(1, "a")).status() : started;
  Run("DROP EVENT TRIGGER $S");
  EXPECT_OK(sent);
  EXPECT_EQ(StagedRows(), "1:a@1");
}

class StagingRightsTest : public StagingTablesTest {
 protected:
  // Creates a role that may use the ledger, and starts a server that has its rights.
  std::string UseRole(absl::string_view more_rights) {
    const std::string role = MakeRole("_loader");
    Run(absl::StrReplaceAll(
        absl::StrCat("GRANT USAGE ON SCHEMA $S, $L TO $R; GRANT SELECT, INSERT, UPDATE, DELETE ON "
                     "ALL TABLES IN SCHEMA $L TO $R; GRANT USAGE ON ALL SEQUENCES IN SCHEMA $L TO "
                     "$R; ",
                     more_rights),
        {{"$R", role}}));
    RestartServerAs(role);
    return role;
  }
};

TEST_F(StagingRightsTest, MergesWithoutCreateOnTheTargetsSchema) {
  Load("first", Dedup(0), Record(1, "old", 1) + Record(2, "b", 1));
  UseRole("GRANT CREATE ON SCHEMA $L TO $R; ALTER TABLE $T OWNER TO $R");
  Load("second", Dedup(0), Record(1, "new", 2) + Record(3, "c", 1));
  EXPECT_EQ(Rows(), "1:new@0 2:b@0 3:c@0");
}

TEST_F(StagingRightsTest, OnlyAppendsWithoutCreateOnTheLedgersSchema) {
  const std::string role = UseRole("GRANT CREATE ON SCHEMA $S TO $R");
  Load("first", Append(0), Record(1, "a"));
  EXPECT_EQ(Rows(), "1:a@0");
  for (const Ask& ask : {Dedup(0), Replace(1), DedupReplace(1)}) {
    const absl::Status refused = Start("refused", ask).status();
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED"));
    EXPECT_THAT(std::string(refused.message()),
                HasSubstr(absl::StrCat("GRANT CREATE ON SCHEMA \"", ledger(), "\" TO ", role)));
  }
  Execute(absl::StrCat("GRANT CREATE ON SCHEMA ", ledger(), " TO ", role));
  Load("granted", Dedup(0), Record(2, "b"));
  EXPECT_EQ(Rows(), "1:a@0 2:b@0");
}

TEST_F(StagingTablesTest, ReplaceKeepsTheAccessMethod) {
  Load("s1", Append(0), Record(1, "a"));
  Run("CREATE ACCESS METHOD $S_heap TYPE TABLE HANDLER heap_tableam_handler");
  const std::string method =
      "SELECT a.amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = "
      "'$T'::regclass";
  Run("ALTER TABLE $T SET ACCESS METHOD $S_heap");
  Load("s2", Replace(1), Record(2, "b"));
  EXPECT_EQ(Value(method), schema() + "_heap");
  // The target's is changed while the replace loads.
  ASSERT_OK(Start("s3", Replace(2)).status());
  ASSERT_OK(Send("s3", Record(3, "c")).status());
  Run("ALTER TABLE $T SET ACCESS METHOD heap");
  ASSERT_OK(Complete("s3").status());
  EXPECT_EQ(Value(method), "heap");
  EXPECT_EQ(Rows(), "3:c@2");
  Run("DROP ACCESS METHOD $S_heap");
}

}  // namespace
}  // namespace syncline::testing

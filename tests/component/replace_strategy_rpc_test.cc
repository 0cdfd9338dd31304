// How a replace is published, through the real RPCs: the strategy that a stream requests, the one
// that is chosen and its reason, and what is refused when the sync starts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/error.h"
#include "tests/component/app_fixture.h"

namespace syncline::testing {
namespace {

using ::testing::HasSubstr;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;
constexpr char kPeople[] = R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"}}})";

class ReplaceStrategyRpcTest : public AppTest {
 protected:
  void TearDown() override {
    if (!schema().empty()) {
      Execute(absl::StrCat("DROP PUBLICATION IF EXISTS ", schema(), "_pub"));
      if (!role_.empty()) {
        RestartServerAs("");
        AllowTemporaryTables(true);
        Execute(absl::StrCat("DROP OWNED BY ", role_, " CASCADE; DROP ROLE ", role_));
      }
    }
    AppTest::TearDown();
  }

  // Restarts the server with a role that may write the rows of the target, and stage.
  void UseRoleThatWritesRows() {
    role_ = schema() + "_loader";
    Execute(absl::StrReplaceAll(
        "CREATE ROLE $R; GRANT USAGE ON SCHEMA $S TO $R; GRANT USAGE, CREATE ON SCHEMA $L TO $R; "
        "GRANT SELECT, INSERT, UPDATE, DELETE ON $S.users TO $R; GRANT SELECT, INSERT, UPDATE, "
        "DELETE ON ALL TABLES IN SCHEMA $L TO $R; GRANT USAGE ON ALL SEQUENCES IN SCHEMA $L TO $R",
        {{"$S", schema()}, {"$L", ledger()}, {"$R", role_}}));
    RestartServerAs(role_);
  }

  // Allows every role to create temporary tables in the tests' database, as is the default.
  void AllowTemporaryTables(bool allowed) {
    const std::string quoted = QueryValue("SELECT quote_ident(current_database())");
    Execute(absl::StrCat(allowed ? "GRANT" : "REVOKE", " TEMPORARY ON DATABASE ", quoted,
                         allowed ? " TO PUBLIC" : " FROM PUBLIC"));
  }

  // $S: the schema.
  void Run(absl::string_view sql) { Execute(absl::StrReplaceAll(sql, {{"$S", schema()}})); }
  std::string Value(absl::string_view sql) {
    return QueryValue(absl::StrReplaceAll(sql, {{"$S", schema()}}));
  }

  static Ask With(Ask ask, v1::ReplaceStrategy strategy) {
    ask.replace_strategy = strategy;
    return ask;
  }

  // Starts, sends and completes; returns the plan.
  v1::StreamPlan LoadPlanned(absl::string_view sync_id, const Ask& ask, absl::string_view lines,
                             v1::Outcome outcome) {
    const absl::StatusOr<v1::StartSyncResponse> started = Start(sync_id, ask);
    EXPECT_OK(started.status());
    if (!started.ok()) return {};
    EXPECT_OK(Send(sync_id, lines));
    const absl::StatusOr<v1::CompleteStreamResponse> done = Complete(sync_id);
    EXPECT_OK(done.status());
    EXPECT_EQ(done.ok() ? done->outcome() : v1::OUTCOME_UNSPECIFIED, outcome);
    return started->streams(0);
  }

  std::string Oid() { return Value("SELECT '$S.users'::regclass::oid"); }

 private:
  std::string role_;
};

TEST_F(ReplaceStrategyRpcTest, AutoSwapsAndSaysWhy) {
  v1::StreamPlan plan = LoadPlanned("s1", Replace(1), Record(1, "a"), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(plan.strategy(), v1::REPLACE_STRATEGY_SWAP);
  EXPECT_EQ(plan.strategy_reason(), "the table does not exist");
  plan = LoadPlanned("s2", Replace(2), Record(2, "b"), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(plan.strategy(), v1::REPLACE_STRATEGY_SWAP);
  EXPECT_THAT(plan.strategy_reason(), HasSubstr("nothing"));
  // Nothing is replaced.
  plan = LoadPlanned("s3", Append(2), Record(3, "c"), v1::OUTCOME_APPENDED);
  EXPECT_EQ(plan.strategy(), v1::REPLACE_STRATEGY_UNSPECIFIED);
  EXPECT_EQ(plan.strategy_reason(), "");
}

TEST_F(ReplaceStrategyRpcTest, StrategyIsInEveryAnswerAndInTheLedger) {
  Load("s1", Replace(1), Record(1, "a") + Record(2, "b"));
  const std::string oid = Oid();
  const Ask ask = With(Replace(2), v1::REPLACE_STRATEGY_IN_PLACE);
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start("s2", ask));
  EXPECT_EQ(started.streams(0).strategy(), v1::REPLACE_STRATEGY_IN_PLACE);
  EXPECT_THAT(started.streams(0).strategy_reason(), HasSubstr("requested"));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse again, Start("s2", ask));
  EXPECT_EQ(again.streams(0).strategy(), v1::REPLACE_STRATEGY_IN_PLACE);
  ASSERT_OK(Send("s2", Record(3, "c")));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse checked, Validate("s2"));
  EXPECT_EQ(checked.validation().strategy(), v1::REPLACE_STRATEGY_IN_PLACE);
  EXPECT_THAT(checked.validation().strategy_reason(), HasSubstr("requested"));
  EXPECT_EQ(Rows(), "1:a@1 2:b@1");
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s2"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(done.rows(), 1);
  EXPECT_EQ(Rows(), "3:c@2");
  EXPECT_EQ(StagedRows(), "missing");
  EXPECT_EQ(History(), "1:completed:2 2:completed:1");
  EXPECT_EQ(Oid(), oid);
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse repeated, Complete("s2"));
  EXPECT_EQ(repeated.outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary sync, client().GetSync("s2"));
  EXPECT_EQ(sync.streams(0).strategy(), v1::REPLACE_STRATEGY_IN_PLACE);
  EXPECT_THAT(sync.streams(0).strategy_reason(), HasSubstr("requested"));
  EXPECT_EQ(QueryValue(absl::StrCat("SELECT replace_strategy || ' ' || strategy FROM ", ledger(),
                                    ".stream ORDER BY stream_no DESC LIMIT 1")),
            "in_place in_place");
}

TEST_F(ReplaceStrategyRpcTest, LaterSyncOfTheGenerationAddsToIt) {
  Load("s1", DedupReplace(1), Record(1, "a", 1) + Record(2, "b", 1) + Record(3, "c", 1));
  // Nothing differs: the rows stay, and the generation is known all the same.
  Load("s2", With(DedupReplace(2), v1::REPLACE_STRATEGY_IN_PLACE),
       Record(1, "a", 1) + Record(2, "b", 1) + Record(3, "c", 1));
  EXPECT_EQ(Load("s3", DedupReplace(2), Record(4, "d", 1)).outcome(), v1::OUTCOME_MERGED);
  EXPECT_EQ(Value("SELECT string_agg(name, ',' ORDER BY id) FROM $S.users"), "a,b,c,d");
  EXPECT_THAT(Start("s4", Append(1)).status(), StatusIs(kRefused, "STALE_GENERATION"));
}

struct Case {
  const char* name;
  const char* sql;
  const char* reason;
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class AutoInPlaceTest : public ReplaceStrategyRpcTest,
                        public ::testing::WithParamInterface<Case> {};

TEST_P(AutoInPlaceTest, ReplacesAndNamesTheObject) {
  Load("s1", Replace(1), Record(1, "a"));
  Run(GetParam().sql);
  const std::string oid = Oid();
  const v1::StreamPlan plan =
      LoadPlanned("s2", Replace(2), Record(2, "b") + Record(3, "c"), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(plan.strategy(), v1::REPLACE_STRATEGY_IN_PLACE);
  EXPECT_THAT(plan.strategy_reason(), HasSubstr(GetParam().reason));
  EXPECT_EQ(Value("SELECT string_agg(id::text, ',' ORDER BY id) FROM $S.users"), "2,3");
  EXPECT_EQ(Oid(), oid);
  // What can be swapped all the same is swapped if that is requested; the rest is refused now.
  const absl::Status forced = Start("s3", With(Replace(3), v1::REPLACE_STRATEGY_SWAP)).status();
  if (!forced.ok()) {
    EXPECT_THAT(std::string(forced.message()), HasSubstr(GetParam().reason));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, AutoInPlaceTest,
    ::testing::Values(
        Case{"Publication",
             "CREATE PUBLICATION $S_pub FOR TABLE $S.users WITH (publish = 'insert')",
             "publication"},
        Case{"BeforeInsertTrigger",
             "CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
             "CREATE TRIGGER my_g BEFORE INSERT ON $S.users FOR EACH ROW EXECUTE FUNCTION $S.f()",
             "my_g"},
        Case{"RowType",
             "CREATE FUNCTION $S.my_f($S.users) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
             "my_f"},
        Case{"WholeRowView", "CREATE VIEW $S.my_v AS SELECT x FROM $S.users x", "my_v"},
        Case{"SqlBody",
             "CREATE FUNCTION $S.my_f() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM $S.users; "
             "END",
             "my_f"},
        Case{"PolicyElsewhere",
             "CREATE TABLE $S.o(id int); CREATE POLICY my_p ON $S.o USING (id IN (SELECT id FROM "
             "$S.users))",
             "my_p"},
        Case{"Child", "CREATE TABLE $S.c() INHERITS ($S.users)", "inherit"}),
    [](const ::testing::TestParamInfo<Case>& param) { return std::string(param.param.name); });

TEST_F(ReplaceStrategyRpcTest, RulesStayWithASwap) {
  Load("s1", Replace(1), Record(1, "a"));
  Run("CREATE RULE my_rule AS ON DELETE TO $S.users DO ALSO NOTHING");
  LoadPlanned("s2", Replace(2), Record(2, "b"), v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Value("SELECT rulename FROM pg_rules WHERE schemaname = '$S'"), "my_rule");
}

TEST_F(ReplaceStrategyRpcTest, IdentityAndGeneratedColumnsAreLoaded) {
  for (const v1::ReplaceStrategy strategy :
       {v1::REPLACE_STRATEGY_SWAP, v1::REPLACE_STRATEGY_IN_PLACE}) {
    const bool swap = strategy == v1::REPLACE_STRATEGY_SWAP;
    const int64_t generation = swap ? 1 : 3;
    Load(absl::StrCat("first", generation), Replace(generation), Record(1, "a"));
    if (swap) {
      Run("ALTER TABLE $S.users ADD number bigint GENERATED ALWAYS AS IDENTITY, ADD twice bigint "
          "GENERATED ALWAYS AS (id * 2) STORED");
    }
    LoadPlanned(absl::StrCat("second", generation), With(Replace(generation + 1), strategy),
                Record(2, "b") + Record(3, "c"),
                swap ? v1::OUTCOME_SWAPPED : v1::OUTCOME_REPLACED_IN_PLACE);
    EXPECT_EQ(Value("SELECT string_agg(twice::text, ',' ORDER BY id) FROM $S.users"), "4,6");
    EXPECT_EQ(Value("SELECT count(DISTINCT number) FROM $S.users"), "2");
  }
}

TEST_F(ReplaceStrategyRpcTest, PartitionedTableIsLoadedAndReplaced) {
  Load("s1", Replace(1), Record(1, "a"));
  Run("ALTER TABLE $S.users RENAME TO model; CREATE TABLE $S.users (LIKE $S.model) PARTITION BY "
      "RANGE (id); CREATE TABLE $S.users_1 PARTITION OF $S.users FOR VALUES FROM (0) TO (10); "
      "CREATE "
      "TABLE $S.users_2 PARTITION OF $S.users DEFAULT; INSERT INTO $S.users SELECT * FROM "
      "$S.model");
  LoadPlanned("s2", Append(1), Record(5, "b") + Record(50, "c"), v1::OUTCOME_APPENDED);
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users_1"), "2");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users_2"), "1");
  const v1::StreamPlan plan = LoadPlanned("s3", Replace(2), Record(6, "d") + Record(60, "e"),
                                          v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_THAT(plan.strategy_reason(), HasSubstr("partitioned"));
  EXPECT_EQ(Rows(), "6:d@2 60:e@2");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.users_1"), "1");
  LoadPlanned("s4", DedupReplace(3), Record(6, "f", 1) + Record(6, "g", 2) + Record(61, "h", 1),
              v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Rows(), "6:g@3 61:h@3");
  // The rows of both partitions have the same place.
  LoadPlanned("s5", Dedup(3), Record(61, "i", 2) + Record(62, "j", 1), v1::OUTCOME_MERGED);
  EXPECT_EQ(Rows(), "6:g@3 61:i@3 62:j@3");
}

TEST_F(ReplaceStrategyRpcTest, NewColumnsAreAddedAndGoneOnesDropped) {
  Load("s1", Replace(1), Record(1, "a", 5));
  Ask ask = With(Replace(2), v1::REPLACE_STRATEGY_IN_PLACE);
  ask.schema_policy = v1::SCHEMA_POLICY_MIRROR;
  ask.json_schema =
      R"({"properties":{"id":{"type":"integer"},"name":{"type":"string"},"city":{"type":"string"}}})";
  ASSERT_OK(Start("s2", ask));
  ASSERT_OK(Send("s2", "{\"id\":2,\"name\":\"b\",\"city\":\"Bonn\"}\n"));
  EXPECT_EQ(Value("SELECT at FROM $S.users"), "5");
  ASSERT_OK(Complete("s2"));
  EXPECT_EQ(
      Value("SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid "
            "= '$S.users'::regclass AND attnum > 4 AND NOT attisdropped"),
      "id,name,city");
  EXPECT_EQ(Value("SELECT city FROM $S.users"), "Bonn");
}

TEST_F(ReplaceStrategyRpcTest, RewriteIsNotDoneInPlace) {
  Load("s1", Replace(1), Record(1, "a", 5));
  Ask ask = Replace(2);
  ask.json_schema = absl::StrReplaceAll(
      kPeople, {{"\"id\":{\"type\":\"integer\"}", "\"id\":{\"type\":\"string\"}"}});
  const absl::Status refused = Start("s2", With(ask, v1::REPLACE_STRATEGY_IN_PLACE)).status();
  EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("column id"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("AUTO or SWAP"));
  // Neither way, because the subscribers would not get the rows of a swap; it can be forced.
  Run("CREATE PUBLICATION $S_pub FOR TABLE $S.users WITH (publish = 'insert')");
  const absl::Status neither = Start("s3", ask).status();
  EXPECT_THAT(neither, StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(neither.message()), HasSubstr("set replace_strategy SWAP"));
  LoadPlanned("s4", With(ask, v1::REPLACE_STRATEGY_SWAP), "{\"id\":\"x\",\"name\":\"b\"}\n",
              v1::OUTCOME_SWAPPED);
  EXPECT_EQ(Value("SELECT id FROM $S.users"), "x");
}

TEST_F(ReplaceStrategyRpcTest, WiderColumnKeepsItsType) {
  Load("s1", Replace(1), Record(1, "a", 5));
  Run("ALTER TABLE $S.users ALTER at TYPE numeric");
  LoadPlanned("s2", With(Replace(2), v1::REPLACE_STRATEGY_IN_PLACE), Record(2, "b", 6),
              v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Value("SELECT pg_typeof(at) || ' ' || at FROM $S.users"), "numeric 6");
}

TEST_F(ReplaceStrategyRpcTest, ChoiceFollowsWhatExistsAtCompletion) {
  Load("s1", Replace(1), Record(1, "a"));
  ASSERT_OK_AND_ASSIGN(const v1::StartSyncResponse started, Start("s2", Replace(2)));
  EXPECT_EQ(started.streams(0).strategy(), v1::REPLACE_STRATEGY_SWAP);
  ASSERT_OK(Send("s2", Record(2, "b")));
  Run("ALTER TABLE $S.users ALTER at TYPE numeric; CREATE PUBLICATION $S_pub FOR TABLE $S.users");
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s2"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Rows(), "2:b@2");
  EXPECT_EQ(Value("SELECT relreplident FROM pg_class WHERE oid = '$S.users'::regclass"), "f");
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary sync, client().GetSync("s2"));
  EXPECT_EQ(sync.streams(0).strategy(), v1::REPLACE_STRATEGY_IN_PLACE);
  EXPECT_THAT(sync.streams(0).strategy_reason(), HasSubstr("publication"));
}

TEST_F(ReplaceStrategyRpcTest, ReplicaIdentityIsAnnounced) {
  Load("s1", Dedup(0), Record(1, "a", 1));
  Run("CREATE PUBLICATION $S_pub FOR TABLE $S.users");
  const v1::StreamPlan plan = LoadPlanned("s2", Dedup(0), Record(1, "b", 2), v1::OUTCOME_MERGED);
  ASSERT_EQ(plan.changes_size(), 1);
  EXPECT_EQ(plan.changes(0).kind(), v1::SchemaChange::KIND_REPLICA_IDENTITY);
  EXPECT_EQ(plan.changes(0).from(), "default");
  EXPECT_EQ(plan.changes(0).to(), "full");
  EXPECT_EQ(Rows(), "1:b@0");
  Run("ALTER TABLE $S.users REPLICA IDENTITY DEFAULT");
  Ask frozen = Dedup(0);
  frozen.schema_policy = v1::SCHEMA_POLICY_FREEZE;
  EXPECT_THAT(Start("s3", frozen).status(), StatusIs(kRefused, "SCHEMA_FROZEN"));
}

TEST_F(ReplaceStrategyRpcTest, ReaderThatHoldsTheTableLeadsToInPlace) {
  RestartServer({"--swap_deadline=1s"});
  Load("s1", Replace(1), Record(1, "a"));
  const auto reader = Connect();
  ASSERT_OK(reader->Begin());
  ASSERT_OK(reader->Execute(absl::StrCat("SELECT count(*) FROM ", Table(kTable))));
  LoadPlanned("s2", Replace(2), Record(2, "b"), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Rows(), "2:b@2");
  ASSERT_OK_AND_ASSIGN(const v1::SyncSummary sync, client().GetSync("s2"));
  EXPECT_THAT(sync.streams(0).strategy_reason(), HasSubstr("did not get its locks"));
  // A swap that is requested waits for the reader, and so does a caller that comes again.
  ASSERT_OK(Start("s3", With(Replace(3), v1::REPLACE_STRATEGY_SWAP)));
  ASSERT_OK(Send("s3", Record(3, "c")));
  EXPECT_THAT(Complete("s3").status(), StatusIs(absl::StatusCode::kAborted, "SWAP_LOCKED"));
  ASSERT_OK(reader->Execute(absl::StrCat("LOCK TABLE ", Table(kTable), " IN ROW EXCLUSIVE MODE")));
  ASSERT_OK(Start("s4", Replace(4)));
  ASSERT_OK(Send("s4", Record(4, "d")));
  EXPECT_THAT(Complete("s4").status(), StatusIs(absl::StatusCode::kAborted, "SWAP_LOCKED"));
  ASSERT_OK(reader->Commit());
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s4"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_SWAPPED);
}

// They would be missing only when the rows have been loaded.
TEST_F(ReplaceStrategyRpcTest, RightsForInPlaceAreCheckedAtTheStart) {
  Load("s1", Replace(1), Record(1, "a"));
  UseRoleThatWritesRows();
  const Ask ask = With(Replace(2), v1::REPLACE_STRATEGY_IN_PLACE);
  ASSERT_OK(Start("s2", ask));
  RestartServer({"--keep_generations=1"});
  const auto expect_refused = [&](const Ask& refused, const std::string& grant) {
    const absl::Status status = Start("refused", refused).status();
    EXPECT_THAT(status, StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
    EXPECT_THAT(std::string(status.message()), HasSubstr(grant));
  };
  expect_refused(ask, "GRANT CREATE");
  // The table belongs to another role, so it cannot be swapped.
  expect_refused(Replace(2), "GRANT CREATE");
  Run("GRANT CREATE ON SCHEMA $S TO $S_loader");
  ASSERT_OK(Start("s3", ask));
  Run("ALTER TABLE $S.users ADD UNIQUE (id); CREATE TABLE $S.orders (id bigint, CONSTRAINT my_key "
      "FOREIGN KEY (id) REFERENCES $S.users (id))");
  ASSERT_OK(Start("s4", ask));
  AllowTemporaryTables(false);
  expect_refused(ask, "GRANT TEMPORARY");
  expect_refused(ask, "my_key");
  AllowTemporaryTables(true);
  ASSERT_OK(Start("s5", ask));
  ASSERT_OK(Send("s5", Record(2, "b")));
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s5"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Value("SELECT name FROM $S.users_syncline_old_1"), "a");
}

// A stale row would be taken for one of the new generation.
TEST_F(ReplaceStrategyRpcTest, TriggerThatSkipsUpdatesIsNamed) {
  std::string first;
  for (int id = 1; id <= 12; ++id) absl::StrAppend(&first, Record(id, "a", 1));
  Load("s1", DedupReplace(1), first);
  Run("CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE "
      "TRIGGER g BEFORE UPDATE ON $S.users FOR EACH ROW EXECUTE FUNCTION $S.f()");
  ASSERT_OK(Start("s2", With(DedupReplace(2), v1::REPLACE_STRATEGY_IN_PLACE)));
  ASSERT_OK(
      Send("s2", absl::StrReplaceAll(first, {{R"("id":12,"name":"a")", R"("id":12,"name":"b")"}})));
  EXPECT_THAT(Complete("s2").status(), StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  Run("DROP TRIGGER g ON $S.users");
  ASSERT_OK_AND_ASSIGN(const v1::CompleteStreamResponse done, Complete("s2"));
  EXPECT_EQ(done.outcome(), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(done.rows(), 12);
  EXPECT_EQ(Value("SELECT name FROM $S.users WHERE id = 12"), "b");
}

TEST_F(ReplaceStrategyRpcTest, GuardHoldsBackAnInPlaceReplace) {
  Load("s1", Replace(1), Record(1, "a") + Record(2, "b"));
  v1::StartSyncRequest request;
  request.set_sync_id("s2");
  *request.add_streams() = Stream(With(Replace(2), v1::REPLACE_STRATEGY_IN_PLACE));
  request.mutable_streams(0)->mutable_guard()->set_min_rows(2);
  ASSERT_OK(client().StartSync(request));
  ASSERT_OK(Send("s2", Record(3, "c")));
  EXPECT_THAT(Complete("s2").status(), StatusIs(kRefused, "PUBLISH_GUARD"));
  EXPECT_EQ(Rows(), "1:a@1 2:b@1");
  EXPECT_EQ(StagedRows(), "3:c@2");
}

TEST_F(ReplaceStrategyRpcTest, KeptGenerationsAndMaterializedViews) {
  RestartServer({"--keep_generations=1"});
  Load("s1", Replace(1), Record(1, "a"));
  Run("CREATE MATERIALIZED VIEW $S.names AS SELECT name FROM $S.users");
  const Ask ask = With(Replace(2), v1::REPLACE_STRATEGY_IN_PLACE);
  LoadPlanned("s2", ask, Record(2, "b"), v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Value("SELECT name FROM $S.users_syncline_old_1"), "a");
  EXPECT_EQ(Value("SELECT name FROM $S.names"), "b");
  LoadPlanned("s3", With(Replace(3), v1::REPLACE_STRATEGY_IN_PLACE), Record(3, "c"),
              v1::OUTCOME_REPLACED_IN_PLACE);
  EXPECT_EQ(Value("SELECT to_regclass('$S.users_syncline_old_1') IS NULL"), "t");
  EXPECT_EQ(Value("SELECT name FROM $S.users_syncline_old_2"), "b");
}

}  // namespace
}  // namespace syncline::testing

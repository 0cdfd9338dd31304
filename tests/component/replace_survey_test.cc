// What prevents a swap or an in-place replace, as the catalog shows it.
#include "server/postgres/swap/replace_survey.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "server/postgres/table/replica_identity.h"
#include "tests/component/swap_fixture.h"

namespace syncline {
namespace {

using postgres::Transaction;
using ::testing::HasSubstr;

class ReplaceSurveyTest : public testing::SwapFixture {
 protected:
  void SetUp() override {
    SwapFixture::SetUp();
    if (!schema().empty()) MakeTable("t", 1, 1);
  }

  ReplaceObstacles Find(postgres::Database& database, bool keeps_rows = false) {
    ReplaceObstacles obstacles;
    EXPECT_OK(database.Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(obstacles,
                                postgres::FindReplaceObstacles(transaction, Name("t"), keeps_rows));
      return absl::OkStatus();
    }));
    return obstacles;
  }
  ReplaceObstacles Find() { return Find(database()); }

  std::unique_ptr<postgres::Database> ConnectAs(const std::string& role) {
    postgres::DatabaseOptions options;
    options.conninfo = absl::StrCat(dsn(), " user=", schema(), role);
    absl::StatusOr<std::unique_ptr<postgres::Database>> database =
        postgres::Database::Create(options);
    EXPECT_OK(database.status());
    return *std::move(database);
  }
};

TEST_F(ReplaceSurveyTest, PlainTableAndMissingTable) {
  ReplaceObstacles obstacles = Find();
  EXPECT_TRUE(obstacles.target_exists);
  EXPECT_FALSE(obstacles.swap.has_value());
  EXPECT_FALSE(obstacles.in_place.has_value());
  EXPECT_EQ(obstacles.fixed, "");
  Run("DROP TABLE $S.t");
  EXPECT_FALSE(Find().target_exists);
}

struct Case {
  const char* name;
  const char* sql;   // applied to the table t; $S is the schema
  const char* swap;  // part of the obstacle; empty: none
  const char* in_place = "";
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class ObstacleTest : public ReplaceSurveyTest, public ::testing::WithParamInterface<Case> {};

TEST_P(ObstacleTest, IsNamed) {
  Run(GetParam().sql);
  const ReplaceObstacles obstacles = Find();
  const auto expect = [](const std::optional<ReplaceObstacle>& found, const std::string& wanted) {
    EXPECT_EQ(found.has_value(), !wanted.empty()) << (found ? found->ToString() : "");
    if (found.has_value()) {
      EXPECT_THAT(found->ToString(), HasSubstr(wanted));
      EXPECT_NE(found->reason, "");
    }
  };
  expect(obstacles.swap, GetParam().swap);
  expect(obstacles.in_place, GetParam().in_place);
}

INSTANTIATE_TEST_SUITE_P(
    All, ObstacleTest,
    ::testing::Values(
        Case{"View", "CREATE VIEW $S.v AS SELECT id FROM $S.t", ""},
        Case{"AfterTrigger",
             "CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
             "CREATE TRIGGER g AFTER INSERT ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f(); CREATE "
             "TRIGGER h BEFORE UPDATE ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f(); CREATE TRIGGER "
             "i "
             "BEFORE INSERT ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f(); ALTER TABLE $S.t DISABLE "
             "TRIGGER i",
             ""},
        Case{"BeforeInsertTrigger",
             "CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; "
             "CREATE TRIGGER my_g BEFORE INSERT ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f()",
             "trigger my_g"},
        Case{"Publication",
             "ALTER TABLE $S.t REPLICA IDENTITY FULL; CREATE PUBLICATION $S_pub FOR TABLE $S.t",
             "publication"},
        Case{"PublicationOfInserts",
             "CREATE PUBLICATION $S_pub FOR TABLE $S.t WITH (publish = 'insert')", "publication"},
        Case{"PublicationOfSchema", "CREATE PUBLICATION $S_pub FOR TABLES IN SCHEMA $S",
             "publication"},
        Case{"PublicationOfColumns", "CREATE PUBLICATION $S_pub FOR TABLE $S.t (id)", "publication",
             "no replica identity"},
        Case{"PublicationOfKeyColumns",
             "ALTER TABLE $S.t ADD PRIMARY KEY (id); CREATE PUBLICATION $S_pub FOR TABLE $S.t (id)",
             "publication"},
        Case{"RowType",
             "CREATE FUNCTION $S.my_f($S.t) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
             "my_f"},
        Case{"SqlBody",
             "CREATE FUNCTION $S.my_f() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM $S.t; END",
             "my_f"},
        Case{"PolicyElsewhere",
             "CREATE TABLE $S.o(id int); CREATE POLICY my_p ON $S.o USING (id IN (SELECT id FROM "
             "$S.t))",
             "my_p"},
        Case{"RuleElsewhere",
             "CREATE TABLE $S.o(id int); CREATE RULE my_rule AS ON INSERT TO $S.o DO ALSO SELECT "
             "count(*) FROM $S.t",
             "my_rule"},
        Case{"AlsoRule", "CREATE RULE my_rule AS ON DELETE TO $S.t DO ALSO NOTHING", ""},
        Case{"InsteadRule", "CREATE RULE my_rule AS ON DELETE TO $S.t DO INSTEAD NOTHING", "",
             "my_rule"},
        Case{"Parent", "CREATE TABLE $S.c() INHERITS ($S.t)", "inherit"},
        Case{"Partition",
             "CREATE TABLE $S.p(LIKE $S.t) PARTITION BY LIST (id); ALTER TABLE $S.p ATTACH "
             "PARTITION "
             "$S.t DEFAULT",
             "partition"},
        Case{"Partitioned",
             "CREATE TABLE $S.p(LIKE $S.t) PARTITION BY LIST (id); DROP TABLE $S.t; ALTER TABLE "
             "$S.p "
             "RENAME TO t",
             "partitioned"}),
    [](const ::testing::TestParamInfo<Case>& param) { return std::string(param.param.name); });

TEST_F(ReplaceSurveyTest, TemporaryViewOfAnotherSession) {
  const auto other = Connect();
  ASSERT_OK(other->Execute(Expand("CREATE TEMPORARY VIEW my_v AS SELECT id FROM $S.t")));
  const ReplaceObstacles obstacles = Find();
  ASSERT_TRUE(obstacles.swap.has_value());
  EXPECT_THAT(obstacles.swap->ToString(), HasSubstr("my_v is a temporary view"));
  EXPECT_FALSE(obstacles.swap->forceable);
}

TEST_F(ReplaceSurveyTest, ObjectsOfOtherRoles) {
  MakeRole("_loader", "LOGIN");
  MakeRole("_analyst");
  Run("GRANT ALL ON SCHEMA $S TO $R_loader, $R_analyst; ALTER TABLE $S.t OWNER TO $R_loader; GRANT "
      "SELECT ON $S.t TO $R_analyst");
  const std::unique_ptr<postgres::Database> loader = ConnectAs("_loader");
  EXPECT_FALSE(Find(*loader).swap.has_value());
  Run("SET ROLE $R_analyst; CREATE VIEW $S.my_v AS SELECT id FROM $S.t; CREATE MATERIALIZED VIEW "
      "$S.my_m AS SELECT id FROM $S.t; RESET ROLE");
  ReplaceObstacles obstacles = Find(*loader);
  ASSERT_TRUE(obstacles.swap.has_value());
  EXPECT_THAT(obstacles.swap->ToString(), HasSubstr("_analyst"));
  EXPECT_FALSE(obstacles.swap->forceable);
  EXPECT_FALSE(obstacles.in_place.has_value());
  // A superuser may change the objects of every role.
  EXPECT_FALSE(Find().swap.has_value());
  std::vector<std::string> stale;
  ASSERT_OK(loader->Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(stale, postgres::FindStaleViews(transaction, Name("t")));
    return absl::OkStatus();
  }));
  EXPECT_THAT(stale, ::testing::ElementsAre(HasSubstr("my_m")));
  Run("DROP VIEW $S.my_v; DROP MATERIALIZED VIEW $S.my_m; ALTER TABLE $S.t OWNER TO $R_analyst; "
      "GRANT SELECT, INSERT, UPDATE ON $S.t TO $R_loader");
  obstacles = Find(*loader);
  ASSERT_TRUE(obstacles.swap.has_value());
  ASSERT_TRUE(obstacles.in_place.has_value());
  EXPECT_THAT(obstacles.in_place->ToString(), HasSubstr("GRANT DELETE"));
  EXPECT_THAT(obstacles.fixed, HasSubstr("_analyst"));
  Run("GRANT DELETE ON $S.t TO $R_loader");
  EXPECT_FALSE(Find(*loader).in_place.has_value());
  EXPECT_FALSE(Find(*loader, /*keeps_rows=*/true).in_place.has_value());
  Run("REVOKE CREATE ON SCHEMA $S FROM $R_loader");
  EXPECT_FALSE(Find(*loader).in_place.has_value());
  obstacles = Find(*loader, /*keeps_rows=*/true);
  ASSERT_TRUE(obstacles.in_place.has_value());
  EXPECT_THAT(obstacles.in_place->ToString(), HasSubstr("GRANT CREATE"));
}

TEST_F(ReplaceSurveyTest, ReplicaIdentityIsSetWhereItIsMissing) {
  const auto ensure = [&] {
    bool changed = false;
    EXPECT_OK(database().Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(changed, postgres::EnsureReplicaIdentity(transaction, Name("t")));
      return absl::OkStatus();
    }));
    return changed;
  };
  const auto identity = [&](const std::string& table) {
    return Value("SELECT relreplident FROM pg_class WHERE oid = '$S." + table + "'::regclass");
  };
  EXPECT_FALSE(ensure());
  Run("CREATE PUBLICATION $S_pub FOR TABLE $S.t WITH (publish = 'insert')");
  EXPECT_FALSE(ensure());
  Run("ALTER PUBLICATION $S_pub SET (publish = 'insert, delete')");
  EXPECT_TRUE(ensure());
  EXPECT_EQ(identity("t"), "f");
  EXPECT_FALSE(ensure());
  Run("ALTER TABLE $S.t REPLICA IDENTITY DEFAULT; ALTER TABLE $S.t ADD PRIMARY KEY (id)");
  EXPECT_FALSE(ensure());
  Run("DROP TABLE $S.t; CREATE TABLE $S.t (id bigint) PARTITION BY LIST (id); CREATE TABLE $S.t_1 "
      "PARTITION OF $S.t FOR VALUES IN (1); CREATE TABLE $S.t_2 PARTITION OF $S.t DEFAULT; ALTER "
      "PUBLICATION $S_pub ADD TABLE $S.t");
  EXPECT_TRUE(ensure());
  EXPECT_EQ(identity("t_1"), "f");
  EXPECT_EQ(identity("t_2"), "f");
}

}  // namespace
}  // namespace syncline

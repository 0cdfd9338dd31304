// What the swap refuses: the error names the object, and nothing changes.
#include <gtest/gtest.h>

#include "server/postgres/swap/swap_check.h"
#include "tests/component/swap_fixture.h"

namespace syncline {
namespace {

using testing::StatusIs;

class SwapRefusalTest : public testing::SwapFixture {
 protected:
  // Swaps and expects a refusal that names `object` and changes nothing.
  void ExpectRefused(absl::string_view reason, absl::string_view object) {
    const std::string before = Dump();
    const absl::Status status =
        Swap({.locks = {.deadline = absl::Seconds(5)}, .dropped_columns = {"extra"}});
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, std::string(reason)));
    EXPECT_TRUE(absl::StrContains(status.message(), object)) << status;
    EXPECT_NE(GetDetail(status).subject, "");
    EXPECT_EQ(Dump(), before);
    EXPECT_EQ(Value("SELECT count(*) FROM $S.t_new"), "20");
  }
};

struct Case {
  const char* name;
  const char* sql;  // applied to a table t; $S is the schema
  const char* reason;
  const char* object;
};

void PrintTo(const Case& value, std::ostream* out) { *out << value.name; }

class SwapRefusesTest : public SwapRefusalTest, public ::testing::WithParamInterface<Case> {};

TEST_P(SwapRefusesTest, NamesObjectAndChangesNothing) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run(GetParam().sql);
  ExpectRefused(GetParam().reason, GetParam().object);
}

constexpr char kDependent[] = "DEPENDENT_OBJECTS";
constexpr char kIncompatible[] = "TARGET_INCOMPATIBLE";

INSTANTIATE_TEST_SUITE_P(
    All, SwapRefusesTest,
    ::testing::Values(
        Case{"View", "DROP TABLE $S.t; CREATE VIEW $S.t AS SELECT * FROM $S.t_new", kIncompatible,
             ".t"},
        Case{"MaterializedView", "DROP TABLE $S.t; CREATE MATERIALIZED VIEW $S.t AS SELECT 1 AS a",
             kIncompatible, ".t"},
        Case{"ForeignTable",
             "DROP TABLE $S.t; CREATE FOREIGN DATA WRAPPER $S_w; CREATE SERVER $S_s FOREIGN DATA "
             "WRAPPER $S_w; CREATE FOREIGN TABLE $S.t(id int) SERVER $S_s",
             kIncompatible, ".t"},
        Case{"Partitioned", "DROP TABLE $S.t; CREATE TABLE $S.t(id int) PARTITION BY LIST (id)",
             kIncompatible, "partitioned"},
        Case{"Partition",
             "CREATE TABLE $S.p(LIKE $S.t) PARTITION BY LIST (id);"
             "ALTER TABLE $S.p ATTACH PARTITION $S.t DEFAULT",
             kIncompatible, "partition"},
        Case{"Parent", "CREATE TABLE $S.c() INHERITS ($S.t)", kIncompatible, "inherit"},
        Case{"Child", "CREATE TABLE $S.p(id bigint); ALTER TABLE $S.t INHERIT $S.p", kIncompatible,
             "inherit"},
        Case{"NoMetaColumns", "DROP TABLE $S.t; CREATE TABLE $S.t(id bigint)", kIncompatible,
             "meta"},
        Case{"Identity",
             "ALTER TABLE $S.t ALTER id SET NOT NULL, ALTER id ADD GENERATED ALWAYS AS IDENTITY",
             kIncompatible, "column id"},
        Case{"Generated",
             "ALTER TABLE $S.t ADD g bigint GENERATED ALWAYS AS (id + 1) STORED; ALTER TABLE "
             "$S.t_new "
             "ADD g bigint",
             kIncompatible, "column g"},
        Case{"RuleElsewhere",
             "CREATE TABLE $S.o(id int); CREATE RULE my_rule AS ON INSERT TO $S.o DO ALSO SELECT "
             "count(*) FROM $S.t",
             kDependent, "my_rule"},
        Case{"SqlBody",
             "CREATE FUNCTION $S.my_f() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM $S.t; END",
             kDependent, "my_f"},
        Case{"RowTypeArgument",
             "CREATE FUNCTION $S.my_f($S.t) RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
             kDependent, "my_f"},
        Case{"RowTypeSet",
             "CREATE FUNCTION $S.my_f() RETURNS SETOF $S.t LANGUAGE sql AS 'SELECT * FROM $S.t'",
             kDependent, "my_f"},
        Case{"RowTypeColumn", "CREATE TABLE $S.o(my_c $S.t)", kDependent, "my_c"},
        Case{"RowTypeArrayColumn", "CREATE TABLE $S.o(my_c $S.t[])", kDependent, "my_c"},
        Case{"RowTypeView", "CREATE VIEW $S.my_v AS SELECT x FROM $S.t x", kDependent, "my_v"},
        Case{"PolicyElsewhere",
             "CREATE TABLE $S.o(id int); CREATE POLICY my_p ON $S.o USING (id IN (SELECT id FROM "
             "$S.t))",
             kDependent, "my_p"},
        Case{"ViewNeedsDroppedColumn",
             "ALTER TABLE $S.t ADD extra int; CREATE VIEW $S.my_v AS SELECT "
             "extra FROM $S.t",
             kDependent, "my_v"},
        Case{"TriggerNeedsDroppedColumn",
             "ALTER TABLE $S.t ADD extra int; CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE "
             "plpgsql AS 'BEGIN RETURN NEW; END'; CREATE TRIGGER my_tr BEFORE UPDATE OF extra ON "
             "$S.t FOR EACH ROW EXECUTE FUNCTION $S.f()",
             kDependent, "my_tr"},
        Case{"PolicyNeedsDroppedColumn",
             "ALTER TABLE $S.t ADD extra int; CREATE POLICY my_p ON $S.t USING (extra > 0)",
             kDependent, "my_p"},
        Case{"ForeignKeyNeedsDroppedColumn",
             "ALTER TABLE $S.t ADD extra int UNIQUE; CREATE TABLE $S.o(id int CONSTRAINT my_fk "
             "REFERENCES $S.t (extra))",
             kDependent, "my_fk"},
        Case{
            "DependentOfRetypedView",
            "ALTER TABLE $S.t ALTER name TYPE varchar(90); CREATE VIEW $S.my_v AS SELECT name FROM "
            "$S.t; CREATE FUNCTION $S.f() RETURNS SETOF $S.my_v LANGUAGE sql AS 'SELECT * FROM "
            "$S.my_v'",
            kDependent, "my_v"},
        Case{"Check", "ALTER TABLE $S.t ADD CONSTRAINT my_ck CHECK (id <= 10)", kIncompatible,
             "my_ck"},
        Case{"PrimaryKey",
             "ALTER TABLE $S.t ADD CONSTRAINT my_pk PRIMARY KEY (id); UPDATE $S.t_new SET id = 1",
             kIncompatible, "my_pk"},
        Case{"Unique",
             "ALTER TABLE $S.t ADD CONSTRAINT my_uq UNIQUE (name); UPDATE $S.t_new SET name = 'x'",
             kIncompatible, "my_uq"},
        Case{"UniqueIndex",
             "CREATE UNIQUE INDEX my_ix ON $S.t (name); UPDATE $S.t_new SET name = 'x'",
             kIncompatible, "my_ix"},
        Case{"Exclusion",
             "ALTER TABLE $S.t ADD CONSTRAINT my_ex EXCLUDE USING btree (name WITH =); "
             "UPDATE $S.t_new SET name = 'x'",
             kIncompatible, "my_ex"},
        Case{"ForeignKey",
             "CREATE TABLE $S.o(id bigint PRIMARY KEY); INSERT INTO $S.o SELECT "
             "generate_series(1, 10); ALTER TABLE $S.t ADD CONSTRAINT my_fk FOREIGN KEY (id) "
             "REFERENCES $S.o",
             kIncompatible, "my_fk"},
        Case{"SelfForeignKey",
             "ALTER TABLE $S.t ADD PRIMARY KEY (id), ADD p bigint; ALTER TABLE $S.t_new ADD p "
             "bigint;"
             "UPDATE $S.t_new SET p = 99; ALTER TABLE $S.t ADD CONSTRAINT my_fk FOREIGN KEY (p) "
             "REFERENCES $S.t (id)",
             kIncompatible, "my_fk"},
        Case{
            "ForeignKeyPointingAtIt",
            "ALTER TABLE $S.t ADD PRIMARY KEY (id); CREATE TABLE $S.o(id bigint CONSTRAINT my_fk "
            "REFERENCES $S.t); INSERT INTO $S.t VALUES ('r', now(), '{}', 1, 77); INSERT INTO $S.o "
            "VALUES (77)",
            kDependent, "my_fk"},
        Case{"FunctionOnMaterializedView",
             "CREATE MATERIALIZED VIEW $S.my_m AS SELECT id FROM $S.t; CREATE FUNCTION $S.f() "
             "RETURNS SETOF $S.my_m LANGUAGE sql AS 'SELECT * FROM $S.my_m'",
             kDependent, "my_m"},
        Case{"DefaultThatDoesNotFit",
             "ALTER TABLE $S.t ALTER name TYPE jsonb USING to_jsonb(name), ALTER name SET DEFAULT "
             "'{}'::jsonb; ALTER TABLE $S.t_new ALTER name TYPE date USING NULL",
             kIncompatible, "column name"}),
    [](const ::testing::TestParamInfo<Case>& param) { return std::string(param.param.name); });

TEST_F(SwapRefusalTest, MissingSource) {
  MakeTable("t", 10, 1);
  EXPECT_THAT(Swap(), StatusIs(absl::StatusCode::kFailedPrecondition, "SCHEMA_CHANGED"));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t"), "10");
}

TEST_F(SwapRefusalTest, ViewOfAnotherOwnerIsNotAllowed) {
  MakeRole("_loader", "LOGIN");
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("GRANT ALL ON SCHEMA $S TO $R_loader; ALTER TABLE $S.t OWNER TO $R_loader;"
      "ALTER TABLE $S.t_new OWNER TO $R_loader; CREATE VIEW $S.my_v AS SELECT id FROM $S.t");
  postgres::DatabaseOptions options;
  options.conninfo = dsn() + " user=" + schema() + "_loader";
  ASSERT_OK_AND_ASSIGN(const auto limited, postgres::Database::Create(options));
  const std::string before = Dump();
  const absl::Status status =
      postgres::OverwriteTable(*limited, Name("t_new"), Name("t"), {}, NoLedger, &stats_);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_TRUE(absl::StrContains(status.message(), "my_v")) << status;
  EXPECT_EQ(Dump(), before);
}

TEST_F(SwapRefusalTest, FingerprintDetectsChangesThatNoLockStops) {
  MakeTable("t", 1, 1);
  Run("CREATE VIEW $S.v AS SELECT id FROM $S.t; CREATE VIEW $S.vv AS SELECT id FROM $S.v");
  const int64_t oid = QueryInt(Expand("SELECT '$S.t'::regclass::oid"));
  const auto fingerprint = [&] {
    std::string value;
    EXPECT_OK(database().Transact([&](postgres::Transaction& transaction) -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(postgres::PrepareFingerprint(transaction));
      SYNCLINE_ASSIGN_OR_RETURN(value, postgres::Fingerprint(transaction, oid));
      return absl::OkStatus();
    }));
    return value;
  };
  std::string last = fingerprint();
  EXPECT_EQ(fingerprint(), last);
  for (const absl::string_view sql :
       {"GRANT SELECT ON $S.t TO PUBLIC", "GRANT SELECT (id) ON $S.t TO PUBLIC",
        "CREATE OR REPLACE VIEW $S.v AS SELECT id + 0 AS id FROM $S.t",
        "ALTER VIEW $S.vv SET (security_barrier)", "CREATE VIEW $S.v3 AS SELECT 1 FROM $S.vv",
        "CREATE TABLE $S.o(c $S.t)", "CREATE TABLE $S.o2(c $S.t[])"}) {
    Run(sql);
    const std::string now = fingerprint();
    EXPECT_NE(now, last) << sql;
    last = now;
  }
}

}  // namespace
}  // namespace syncline

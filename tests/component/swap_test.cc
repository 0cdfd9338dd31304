// The swap against a real PostgreSQL: what is carried over, and that the swap is atomic.
#include "server/postgres/swap/swap.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <thread>
#include <utility>

#include "server/postgres/swap/swap_preparation.h"
#include "tests/component/swap_fixture.h"

namespace syncline {
namespace {

using postgres::Connection;
using postgres::Params;
using postgres::Result;
using postgres::Transaction;
using testing::StatusIs;

using SwapTest = testing::SwapFixture;

TEST_F(SwapTest, MissingTargetGetsTheLoadedTable) {
  MakeTable("t_new", 3, 1);
  ASSERT_OK(Swap());
  EXPECT_EQ(Count(), "3");
  EXPECT_EQ(Value("SELECT to_regclass('$S.t_new') IS NULL"), "t");
}

TEST_F(SwapTest, MovesBetweenSchemas) {
  Run("CREATE SCHEMA $S_other; CREATE TABLE $S_other.t_new()");
  MakeTable("t_new", 3, 1);
  const TableName target{schema() + "_other", "t"};
  ASSERT_OK(postgres::OverwriteTable(database(), Name("t_new"), target, {}, NoLedger, &stats_));
  EXPECT_EQ(Value("SELECT count(*) FROM $S_other.t"), "3");
  Run("CREATE INDEX named_by_user ON $S_other.t (id)");
  MakeTable("t_new", 4, 2);
  ASSERT_OK(postgres::OverwriteTable(database(), Name("t_new"), target, {}, NoLedger, &stats_));
  EXPECT_EQ(Value("SELECT count(*) FROM $S_other.t"), "4");
  EXPECT_EQ(Value("SELECT pg_get_indexdef('$S_other.named_by_user'::regclass)"),
            Expand("CREATE INDEX named_by_user ON $S_other.t USING btree (id)"));
}

TEST_F(SwapTest, LedgerStepRunsOnceAndBeforeReadersWait) {
  MakeTable("t", 2, 1);
  MakeTable("t_new", 5, 2);
  Execute(absl::StrCat("CREATE TABLE ", Table("ledger"), " (swapped bigint)"));
  int calls = 0;
  std::string keeping_out;
  ASSERT_OK(Swap({}, [&](Transaction& transaction) -> absl::Status {
    ++calls;
    SYNCLINE_ASSIGN_OR_RETURN(
        const Result locks,
        transaction.Query("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND "
                          "relation = $1::regclass",
                          Params().Text(Table("t"))));
    keeping_out = locks.Text(0, 0);
    return transaction.Query(absl::StrCat("INSERT INTO ", Table("ledger"), " VALUES (5)")).status();
  }));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(keeping_out, "0");
  EXPECT_EQ(Count(), "5");
  EXPECT_EQ(QueryText("SELECT swapped FROM " + Table("ledger")),
            (std::vector<std::vector<std::string>>{{"5"}}));
  EXPECT_EQ(stats_.retries, 0);
  EXPECT_GT(stats_.lock_held, absl::ZeroDuration());
  RecordProperty("lock_held_us", std::to_string(absl::ToInt64Microseconds(stats_.lock_held)));
}

TEST_F(SwapTest, NamesThatNeedQuotes) {
  const std::string odd = "T \"x\"; DROP TABLE y;-- \xc3\xa4";
  const TableName target{schema(), odd};
  const std::string quoted =
      absl::StrCat(schema(), ".\"", absl::StrReplaceAll(odd, {{"\"", "\"\""}}), "\"");
  MakeTable("t", 1, 1, "\"select\" text, \"a\"\"b\" text");
  Execute(
      absl::StrCat("ALTER TABLE ", Table("t"), " RENAME TO ", quoted.substr(schema().size() + 1)));
  Execute(absl::StrCat("CREATE INDEX \"I \"\"1\" ON ", quoted, " (\"select\", lower(\"a\"\"b\"))"));
  Execute(
      absl::StrCat("ALTER TABLE ", quoted, " ADD CONSTRAINT \"C \"\"1\" CHECK (\"a\"\"b\" <> '')"));
  Run("CREATE STATISTICS $S.\"S 1\" ON \"select\", \"a\"\"b\" FROM " + quoted);
  Execute(absl::StrCat("COMMENT ON COLUMN ", quoted, ".\"a\"\"b\" IS 'it''s \\ here'"));
  MakeTable("t_new", 1, 1, "\"select\" text, \"a\"\"b\" text");
  const std::string before = Dump();
  ASSERT_OK(postgres::OverwriteTable(database(), Name("t_new"), target, {}, NoLedger, &stats_));
  EXPECT_EQ(Dump(), before);
}

TEST_F(SwapTest, RulesAreKept) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE TABLE $S.log(id bigint); CREATE RULE note AS ON INSERT TO $S.t DO ALSO INSERT INTO "
      "$S.log VALUES (new.id); CREATE RULE stop AS ON DELETE TO $S.t WHERE old.id = 1 DO INSTEAD "
      "NOTHING; ALTER TABLE $S.t DISABLE RULE stop; COMMENT ON RULE note ON $S.t IS 'why'");
  const std::string before = Dump();
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t"), "20");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.log"), "0");
  Run("INSERT INTO $S.t VALUES ('r', now(), '{}', 2, 21, 'n', 1)");
  EXPECT_EQ(Value("SELECT string_agg(id::text, ',') FROM $S.log"), "21");
}

TEST_F(SwapTest, TablePropertiesAreKept) {
  MakeRole("_owner");
  MakeRole("_reader");
  MakeRole("_second");
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("GRANT USAGE, CREATE ON SCHEMA $S TO $R_owner, $R_reader; CREATE TABLE $S.other(id bigint "
      "PRIMARY KEY);"
      "INSERT INTO $S.other SELECT generate_series(1, 20);"
      "CREATE SEQUENCE $S.ids; ALTER TABLE $S.t ALTER amount SET DEFAULT 7.5,"
      " ALTER id SET DEFAULT nextval('$S.ids'), ALTER id SET NOT NULL, ALTER name SET STATISTICS "
      "500,"
      " ALTER name SET STORAGE EXTERNAL, ALTER name SET (n_distinct = -0.5),"
      " ALTER name SET COMPRESSION pglz,"
      " SET (fillfactor = 80, autovacuum_enabled = false, toast.autovacuum_enabled = false);"
      "ALTER SEQUENCE $S.ids OWNED BY $S.t.id;"
      "ALTER TABLE $S.t ADD CONSTRAINT pk PRIMARY KEY (id) WITH (fillfactor = 70);"
      "ALTER TABLE $S.t ADD CONSTRAINT uq UNIQUE (name) DEFERRABLE INITIALLY DEFERRED;"
      "ALTER TABLE $S.t ADD CONSTRAINT ex EXCLUDE USING btree (id WITH =);"
      "ALTER TABLE $S.t ADD CONSTRAINT ck CHECK (amount > 0);"
      "ALTER TABLE $S.t ADD CONSTRAINT ck_later CHECK (amount < 5) NOT VALID;"
      "ALTER TABLE $S.t ADD CONSTRAINT fk FOREIGN KEY (id) REFERENCES $S.other ON DELETE CASCADE;"
      "ALTER TABLE $S.t ADD CONSTRAINT self FOREIGN KEY (id) REFERENCES $S.t (id);"
      "CREATE INDEX ix ON $S.t (lower(name) DESC, amount) WHERE id > 3;"
      "CREATE UNIQUE INDEX uix ON $S.t (id) INCLUDE (name) WITH (fillfactor = 60);"
      "ALTER INDEX $S.ix ALTER COLUMN 1 SET STATISTICS 300; ALTER TABLE $S.t CLUSTER ON pk;"
      "CREATE STATISTICS $S.st (ndistinct, dependencies) ON id, name FROM $S.t;"
      "ALTER STATISTICS $S.st SET STATISTICS 50;");
  Run("CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER tr BEFORE INSERT OR UPDATE OF name ON $S.t FOR EACH ROW"
      " WHEN (NEW.id > 0) EXECUTE FUNCTION $S.f();"
      "CREATE TRIGGER tr_off AFTER DELETE ON $S.t REFERENCING OLD TABLE AS gone FOR EACH STATEMENT"
      " EXECUTE FUNCTION $S.f(); ALTER TABLE $S.t DISABLE TRIGGER tr_off;"
      "CREATE CONSTRAINT TRIGGER tr_c AFTER INSERT ON $S.t DEFERRABLE FOR EACH ROW"
      " EXECUTE FUNCTION $S.f(); ALTER TABLE $S.t ENABLE ALWAYS TRIGGER tr_c;"
      "ALTER TABLE $S.t ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;"
      "CREATE POLICY p_read ON $S.t FOR SELECT TO $R_reader, $R_second USING (id > 0);"
      "CREATE POLICY p_write ON $S.t AS RESTRICTIVE FOR INSERT TO PUBLIC"
      " WITH CHECK (id < (SELECT count(*) FROM $S.t));"
      "ALTER TABLE $S.t REPLICA IDENTITY USING INDEX uix;"
      "ALTER TABLE $S.t OWNER TO $R_owner;"
      "REVOKE DELETE ON $S.t FROM $R_owner;"
      "GRANT SELECT, INSERT ON $S.t TO $R_reader WITH GRANT OPTION; GRANT SELECT ON $S.t TO PUBLIC;"
      "GRANT UPDATE (name), SELECT (id) ON $S.t TO $R_second;"
      "SET ROLE $R_reader; GRANT SELECT ON $S.t TO $R_second; RESET ROLE;"
      "COMMENT ON TABLE $S.t IS 'the table'; COMMENT ON COLUMN $S.t.name IS 'it''s a name';"
      "COMMENT ON INDEX $S.ix IS 'an index'; COMMENT ON CONSTRAINT ck ON $S.t IS 'a check';"
      "COMMENT ON CONSTRAINT pk ON $S.t IS 'a key'; COMMENT ON TRIGGER tr ON $S.t IS 'a trigger';"
      "COMMENT ON CONSTRAINT fk ON $S.t IS 'a foreign key';"
      "COMMENT ON POLICY p_read ON $S.t IS 'a policy'; COMMENT ON STATISTICS $S.st IS 'stats';");
  const std::string own_options = Value(
      "SELECT coalesce(string_agg(quote_literal(o.option_value), ','), 'NULL') FROM "
      "pg_attribute a, pg_options_to_table(a.attoptions) o WHERE a.attrelid = "
      "'$S.t'::regclass AND o.option_name NOT LIKE 'n\\_%'");
  const std::string before = Dump();
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count(), "20");
  EXPECT_EQ(Value("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                  "WHERE n.nspname = '$S' AND c.relname LIKE '\\_syncline%'"),
            "0");
  // The server's own entries were not copied with the columns' options.
  EXPECT_EQ(Value("SELECT string_agg(o.option_name, ',') FROM pg_attribute a, "
                  "pg_options_to_table(a.attoptions) o WHERE a.attrelid = '$S.t'::regclass AND "
                  "o.option_name LIKE 'n\\_%'"),
            "n_distinct");
  EXPECT_EQ(Value("SELECT count(*) FROM pg_attribute a, pg_options_to_table(a.attoptions) o WHERE "
                  "a.attrelid = '$S.t'::regclass AND o.option_name NOT LIKE 'n\\_%' AND "
                  "o.option_value IN (" +
                  own_options + ")"),
            "0");
  // Statistics were gathered with the configured targets before the swap.
  EXPECT_EQ(Value("SELECT count(*) FROM pg_stats_ext WHERE statistics_schemaname = '$S'"), "1");
  EXPECT_EQ(Value("SELECT reltuples FROM pg_class WHERE oid = '$S.t'::regclass"), "20");
}

TEST_F(SwapTest, RowTypeForeignKeyStatesAndExtensionsAreKept) {
  MakeRole("_reader");
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE TABLE $S.\"p%p\"(id bigint PRIMARY KEY); INSERT INTO $S.\"p%p\" SELECT "
      "generate_series(1, 20);"
      "ALTER TABLE $S.t ADD CONSTRAINT \"f k\" FOREIGN KEY (id) REFERENCES $S.\"p%p\";"
      "CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER tr BEFORE INSERT ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f();"
      "ALTER TRIGGER tr ON $S.t DEPENDS ON EXTENSION plpgsql;"
      "CREATE INDEX ix ON $S.t (id); ALTER INDEX $S.ix DEPENDS ON EXTENSION plpgsql;"
      "ALTER TABLE $S.t DISABLE TRIGGER ALL; COMMENT ON TYPE $S.t IS 'a row';"
      "REVOKE USAGE ON TYPE $S.t FROM PUBLIC; GRANT USAGE ON TYPE $S.t TO $R_reader WITH GRANT "
      "OPTION");
  const std::string state =
      "SELECT (SELECT string_agg(tgfoid::regproc::text || tgenabled::text, ',' ORDER BY tgfoid)"
      "        FROM pg_trigger WHERE tgrelid = t.oid) || ' ' ||"
      "       (SELECT count(*) FROM pg_depend WHERE deptype = 'x' AND (objid = '$S.ix'::regclass OR"
      "        objid IN (SELECT oid FROM pg_trigger WHERE tgrelid = t.oid))) || ' ' ||"
      "       obj_description(t.reltype, 'pg_type') || ' ' || y.typacl::text"
      " FROM pg_class t JOIN pg_type y ON y.oid = t.reltype WHERE t.oid = '$S.t'::regclass";
  const std::string before = Value(state);
  ASSERT_NE(before, "NULL");
  ASSERT_OK(Swap());
  EXPECT_EQ(Count(), "20");
  EXPECT_EQ(Value(state), before);
}

// The first readers have statistics. How detailed they are depends on whether autovacuum follows.
TEST_F(SwapTest, StatisticsAreGatheredBeforeSwap) {
  const std::string bounds =
      "SELECT array_length(histogram_bounds::text::text[], 1) FROM pg_stats "
      "WHERE schemaname = '$S' AND tablename = 't' AND attname = 'id'";
  MakeTable("t", 1, 1);
  MakeTable("t_new", 1000, 2);
  ASSERT_OK(Swap());
  EXPECT_EQ(Value(bounds), "11");
  // Without autovacuum, no better statistics would be gathered.
  Run("ALTER TABLE $S.t SET (autovacuum_enabled = off)");
  MakeTable("t_new", 1000, 2);
  ASSERT_OK(Swap());
  EXPECT_EQ(Value(bounds), "101");
  // Only a full ANALYZE gathers statistics of expressions.
  Run("ALTER TABLE $S.t RESET (autovacuum_enabled); CREATE INDEX ON $S.t ((id % 7))");
  MakeTable("t_new", 1000, 2);
  ASSERT_OK(Swap());
  EXPECT_EQ(Value(bounds), "101");
}

TEST_F(SwapTest, DefaultPrivilegesAreNotApplied) {
  MakeRole("_nosy");
  MakeTable("t", 1, 1);
  Run("ALTER DEFAULT PRIVILEGES IN SCHEMA $S GRANT SELECT ON TABLES TO $R_nosy");
  MakeTable("t_new", 2, 2);
  const std::string before = Dump();
  ASSERT_OK(Swap());
  EXPECT_EQ(Value("SELECT has_table_privilege('$R_nosy', '$S.t', 'SELECT')"), "f");
  EXPECT_EQ(Value("SELECT has_table_privilege('$S.t', 'SELECT, DELETE, TRUNCATE')"), "t");
}

TEST_F(SwapTest, PublicationsAreKept) {
  MakeTable("t", 1, 1);
  MakeTable("t_new", 2, 2);
  Run("SET client_min_messages = error;"
      "CREATE PUBLICATION $S_pub FOR TABLE $S.t (id, name) WHERE (id > 3 AND name <> 'x')");
  const std::string query =
      "SELECT string_agg(format('%s %s %s', tablename, attnames, rowfilter), ';') "
      "FROM pg_publication_tables WHERE pubname = '$S_pub'";
  const std::string before = Value(query);
  for (const int keep : {0, 1}) {
    ASSERT_OK(Swap({.keep_generations = keep}));
    EXPECT_EQ(Value(query), before);
    MakeTable("t_new", 2, 2);
  }
}

TEST_F(SwapTest, NestedViewsKeepIdentityGrantsCommentsOptions) {
  MakeRole("_reader");
  MakeRole("_viewer");
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("GRANT ALL ON SCHEMA $S TO $R_viewer; GRANT SELECT ON $S.t TO $R_viewer;"
      "CREATE TABLE $S.side(id bigint);"
      "ALTER TABLE $S.t ADD PRIMARY KEY (id);"
      "CREATE VIEW $S.inner_v WITH (security_barrier) AS SELECT id, name AS label FROM $S.t WHERE"
      " amount > 0 WITH LOCAL CHECK OPTION;"
      "CREATE VIEW $S.outer_v WITH (security_invoker = true) AS SELECT i.*, s.id AS other, t.amount"
      " FROM $S.inner_v i JOIN $S.t t USING (id) LEFT JOIN $S.side s ON s.id = i.id;"
      "CREATE VIEW $S.top_v AS SELECT count(*) AS n FROM $S.outer_v;"
      "CREATE VIEW $S.grouped_v AS SELECT id, name, count(*) FROM $S.t GROUP BY id;"
      "ALTER VIEW $S.inner_v OWNER TO $R_viewer; ALTER VIEW $S.inner_v ALTER label SET DEFAULT 'd';"
      "GRANT SELECT ON $S.top_v TO $R_reader; GRANT UPDATE (label) ON $S.inner_v TO $R_reader;"
      "COMMENT ON VIEW $S.inner_v IS 'a view'; COMMENT ON COLUMN $S.inner_v.label IS 'a label';"
      "CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
      "CREATE TRIGGER tr INSTEAD OF INSERT ON $S.outer_v FOR EACH ROW EXECUTE FUNCTION $S.f();");
  const std::string oids =
      "SELECT string_agg(oid::regclass || ' ' || oid, ',' ORDER BY oid) FROM pg_class WHERE "
      "relkind = 'v' AND relnamespace = '$S'::regnamespace";
  const std::string before = Dump();
  const std::string oids_before = Value(oids);
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Value(oids), oids_before);
  EXPECT_EQ(Value("SELECT n FROM $S.top_v"), "20");
  EXPECT_EQ(Count("grouped_v"), "20");
}

TEST_F(SwapTest, ViewsOverRetypedColumnAreCreatedAgain) {
  MakeRole("_owner");
  MakeRole("_reader");
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("GRANT USAGE, CREATE ON SCHEMA $S TO $R_owner; GRANT SELECT ON $S.t TO $R_owner;"
      "CREATE VIEW $S.v WITH (security_barrier) AS SELECT id, amount FROM $S.t;"
      "CREATE VIEW $S.top AS SELECT amount FROM $S.v; CREATE VIEW $S.other AS SELECT id FROM $S.t;"
      "CREATE MATERIALIZED VIEW $S.m AS SELECT id, amount FROM $S.v;"
      "CREATE UNIQUE INDEX m_ix ON $S.m (id); CREATE VIEW $S.on_m AS SELECT amount FROM $S.m;"
      "CREATE MATERIALIZED VIEW $S.direct AS SELECT amount FROM $S.t;"
      "CREATE MATERIALIZED VIEW $S.ids AS SELECT id FROM $S.t;"
      "ALTER VIEW $S.v OWNER TO $R_owner; GRANT SELECT ON $S.v TO $R_reader WITH GRANT OPTION;"
      "GRANT SELECT (amount) ON $S.top TO $R_reader; COMMENT ON VIEW $S.top IS 'the top';"
      "COMMENT ON COLUMN $S.v.amount IS 'an amount'; ALTER VIEW $S.v ALTER id SET DEFAULT 7;"
      "CREATE RULE r AS ON DELETE TO $S.top DO INSTEAD NOTHING;"
      "ALTER TABLE $S.t_new ALTER amount TYPE text");
  const std::string other = Value("SELECT '$S.other'::regclass::oid");
  const std::string before = Dump();
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), absl::StrReplaceAll(before, {{"amount numeric(10,2)", "amount text"}}));
  EXPECT_EQ(Value("SELECT '$S.other'::regclass::oid"), other);
  EXPECT_EQ(Value("SELECT pg_typeof(amount) FROM $S.on_m LIMIT 1"), "text");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.m"), "20");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.ids"), "20");
  EXPECT_EQ(stats_.retries, 0);
}

TEST_F(SwapTest, ViewThatOnlyComparesRetypedColumnKeepsItsIdentity) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE VIEW $S.v AS SELECT id FROM $S.t WHERE amount IS NOT NULL;"
      "CREATE FUNCTION $S.f() RETURNS SETOF $S.v LANGUAGE sql AS 'SELECT * FROM $S.v';"
      "ALTER TABLE $S.t_new ALTER amount TYPE text");
  const std::string view = Value("SELECT '$S.v'::regclass::oid");
  ASSERT_OK(Swap());
  EXPECT_EQ(Value("SELECT '$S.v'::regclass::oid"), view);
  EXPECT_EQ(Value("SELECT count(*) FROM $S.f()"), "20");
}

TEST_F(SwapTest, InvalidIndexIsLeftOut) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  // As a failed CREATE UNIQUE INDEX CONCURRENTLY leaves it.
  Run("CREATE INDEX good ON $S.t (name); CREATE UNIQUE INDEX bad ON $S.t (name);"
      "UPDATE pg_index SET indisvalid = false, indisready = false"
      " WHERE indexrelid = '$S.bad'::regclass;"
      "UPDATE $S.t SET name = 'same'; UPDATE $S.t_new SET name = 'same'");
  ASSERT_OK(Swap());
  EXPECT_EQ(Count(), "20");
  EXPECT_EQ(Value("SELECT string_agg(relname, ',') FROM pg_index JOIN pg_class ON pg_class.oid = "
                  "indexrelid WHERE indrelid = '$S.t'::regclass"),
            "good");
  EXPECT_EQ(stats_.left_out, (std::vector<std::string>{Expand("index $S.bad (invalid)")}));
}

TEST_F(SwapTest, MaterializedViewsAreRecreatedInOrder) {
  MakeRole("_owner");
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("GRANT ALL ON SCHEMA $S TO $R_owner; GRANT SELECT ON $S.t TO $R_owner;"
      "CREATE MATERIALIZED VIEW $S.m1 WITH (fillfactor = 90) AS SELECT id, name FROM $S.t;"
      "CREATE UNIQUE INDEX m1_ix ON $S.m1 (id); COMMENT ON INDEX $S.m1_ix IS 'ix';"
      "CREATE STATISTICS $S.m1_st ON id, name FROM $S.m1;"
      "ALTER MATERIALIZED VIEW $S.m1 ALTER name SET STATISTICS 10;"
      "ALTER MATERIALIZED VIEW $S.m1 CLUSTER ON m1_ix;"
      "COMMENT ON MATERIALIZED VIEW $S.m1 IS 'm'; COMMENT ON COLUMN $S.m1.name IS 'c';"
      "ALTER MATERIALIZED VIEW $S.m1 OWNER TO $R_owner; GRANT SELECT ON $S.m1 TO PUBLIC;"
      "CREATE VIEW $S.v_on_m1 AS SELECT count(*) AS n FROM $S.m1; "
      "COMMENT ON VIEW $S.v_on_m1 IS 'stays';"
      "CREATE MATERIALIZED VIEW $S.m2 AS SELECT m.id, v.n FROM $S.m1 m, $S.v_on_m1 v;"
      "CREATE MATERIALIZED VIEW $S.empty_m AS SELECT id FROM $S.t WITH NO DATA;"
      "CREATE VIEW $S.v AS SELECT id FROM $S.t;"
      "CREATE MATERIALIZED VIEW $S.m_on_v AS SELECT count(*) AS n FROM $S.v;");
  const std::string before = Dump();
  const std::string far =
      Value("SELECT '$S.m_on_v'::regclass::oid || ' ' || '$S.v_on_m1'::regclass::oid");
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count("m1"), "20");
  EXPECT_EQ(Count("m2"), "20");
  EXPECT_EQ(Value("SELECT n FROM $S.v_on_m1"), "20");
  EXPECT_EQ(Value("SELECT relispopulated FROM pg_class WHERE oid = '$S.empty_m'::regclass"), "f");
  // A materialized view on a view that changed only beneath it keeps its identity, and its content
  // until REFRESH.
  EXPECT_EQ(Value("SELECT '$S.m_on_v'::regclass::oid || ' ' || '$S.v_on_m1'::regclass::oid"), far);
  EXPECT_EQ(Value("SELECT n FROM $S.m_on_v"), "10");
  Run("REFRESH MATERIALIZED VIEW $S.m_on_v");
  EXPECT_EQ(Value("SELECT n FROM $S.m_on_v"), "20");
}

TEST_F(SwapTest, IncomingForeignKeysAreKept) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("ALTER TABLE $S.t ADD PRIMARY KEY (id);"
      "CREATE TABLE $S.ref(id bigint CONSTRAINT ref_fk REFERENCES $S.t ON DELETE SET NULL, k "
      "bigint);"
      "ALTER TABLE $S.ref ADD CONSTRAINT later FOREIGN KEY (k) REFERENCES $S.t NOT VALID;"
      "COMMENT ON CONSTRAINT ref_fk ON $S.ref IS 'points'; INSERT INTO $S.ref VALUES (3, NULL);"
      "CREATE TABLE $S.parts(id bigint REFERENCES $S.t) PARTITION BY LIST (id);"
      "CREATE TABLE $S.part1 PARTITION OF $S.parts FOR VALUES IN (3); INSERT INTO $S.parts VALUES "
      "(3)");
  const std::string before = Dump();
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before);
  Run("DELETE FROM $S.parts; DELETE FROM $S.t WHERE id = 3");
  EXPECT_EQ(Value("SELECT coalesce(id::text, 'null') FROM $S.ref"), "null");
}

TEST_F(SwapTest, ObjectsOnDroppedColumnAreReported) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 0, 2, "id bigint, name text");
  Run("CREATE INDEX on_amount ON $S.t (amount); CREATE INDEX on_name ON $S.t (name);"
      "ALTER TABLE $S.t ADD CONSTRAINT ck CHECK (amount >= id), ADD CONSTRAINT uq UNIQUE (amount),"
      " ALTER amount SET DEFAULT 3;"
      "COMMENT ON CONSTRAINT ck ON $S.t IS 'c'; COMMENT ON COLUMN $S.t.amount IS 'c'");
  ASSERT_OK(Swap({.dropped_columns = {"amount"}}));
  EXPECT_EQ(Value("SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_index JOIN pg_class ON "
                  "pg_class.oid = indexrelid WHERE indrelid = '$S.t'::regclass"),
            "on_name");
  std::string left_out;
  for (const std::string& object : stats_.left_out) absl::StrAppend(&left_out, object, "; ");
  for (const absl::string_view name :
       {"column amount", "on_amount", "constraint ck", "constraint uq"}) {
    EXPECT_TRUE(absl::StrContains(left_out, name)) << name << " in " << left_out;
  }
}

TEST_F(SwapTest, UserColumnsAreCarriedOverAsDefinitions) {
  MakeTable("t", 10, 1);
  Run("ALTER TABLE $S.t ADD note varchar(9) COLLATE \"C\" DEFAULT 'none' NOT NULL,"
      " ADD twice bigint GENERATED ALWAYS AS (id * 2) STORED, ADD seen int,"
      " ADD number int GENERATED BY DEFAULT AS IDENTITY (START WITH 5 INCREMENT BY 2);"
      "CREATE VIEW $S.v AS SELECT note, number FROM $S.t; CREATE INDEX ON $S.t (twice)");
  const std::string before = Dump();
  MakeTable("t_new", 3, 2);
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before) << "also the name of the identity column's sequence";
  EXPECT_EQ(Value("SELECT string_agg(concat_ws(' ', id, note, twice, number), ',' ORDER BY id) "
                  "FROM $S.t"),
            "1 none 2 5,2 none 4 7,3 none 6 9");
  EXPECT_TRUE(stats_.left_out.empty());
  // The sequence continues from where that of the replaced table was.
  MakeTable("t_new", 3, 3);
  Run("INSERT INTO $S.t VALUES ('x', now(), '{}', 2, 4)");
  ASSERT_OK(Swap());
  Run("INSERT INTO $S.t VALUES ('x', now(), '{}', 3, 4)");
  EXPECT_EQ(Value("SELECT number FROM $S.t WHERE id = 4"), "27");
}

TEST_F(SwapTest, IdentitySequencesKeepGrants) {
  const std::string reader = schema() + "_reader";
  const std::string other = schema() + "_other";
  Run(absl::StrCat("CREATE ROLE ", reader, "; CREATE ROLE ", other));
  MakeTable("t", 10, 1);
  Run("ALTER TABLE $S.t ADD number int GENERATED BY DEFAULT AS IDENTITY");
  Run(absl::StrCat("GRANT SELECT, USAGE ON SEQUENCE $S.t_number_seq TO ", reader,
                   " WITH GRANT OPTION; ALTER DEFAULT PRIVILEGES IN SCHEMA $S"
                   " GRANT SELECT ON SEQUENCES TO PUBLIC, ",
                   other));
  const std::string acl = "SELECT relacl FROM pg_class WHERE oid = '$S.t_number_seq'::regclass";
  const std::string before = Value(acl);
  MakeTable("t_new", 3, 2);
  ASSERT_OK(Swap());
  EXPECT_EQ(Value(acl), before);
  MakeTable("t_new", 4, 3);
  ASSERT_OK(Swap({.keep_generations = 1}));
  EXPECT_EQ(Value(acl), before);
  Run(absl::StrCat("DROP OWNED BY ", reader, ", ", other, "; DROP ROLE ", reader, ", ", other));
}

TEST_F(SwapTest, LedgerErrorChangesNothing) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE VIEW $S.v AS SELECT id FROM $S.t; CREATE INDEX ix ON $S.t (id);"
      "CREATE MATERIALIZED VIEW $S.m AS SELECT id FROM $S.t");
  const std::string before = Dump();
  EXPECT_THAT(Swap({}, [](Transaction&) { return absl::AbortedError("fenced"); }),
              StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count(), "10");
  EXPECT_EQ(Count("t_new"), "20");
}

TEST_F(SwapTest, KilledSwapCanBeRepeated) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE VIEW $S.v AS SELECT id FROM $S.t; ALTER TABLE $S.t ADD CONSTRAINT pk PRIMARY KEY "
      "(id),"
      " ADD CONSTRAINT ck CHECK (id > 0); CREATE STATISTICS $S.st ON id, name FROM $S.t");
  const std::string before = Dump();
  const auto killed = [&](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Result pid, transaction.Query("SELECT pg_backend_pid()"));
    Execute(absl::StrCat("SELECT pg_terminate_backend(", pid.Text(0, 0), ", 10000)"));
    return transaction.Execute("SELECT 1");
  };
  EXPECT_THAT(Swap({}, killed), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count(), "10");
  const std::string built =
      "SELECT string_agg(indexrelid::text, ',' ORDER BY indexrelid) FROM "
      "pg_index WHERE indrelid = '$S.t";
  const std::string indexes = Value(built + "_new'::regclass");
  EXPECT_NE(indexes, "NULL");
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count("v"), "20");
  // Indexes that were built before the crash were not built again.
  EXPECT_EQ(Value(built + "'::regclass"), indexes);
}

// Calls a function after every Execute.
class WatchedDatabase : public postgres::Database {
 public:
  using AfterExecute = std::function<void(absl::string_view sql)>;

  WatchedDatabase(postgres::Database* real, AfterExecute after)
      : real_(real), after_(std::move(after)) {}

  absl::Status Transact(absl::FunctionRef<absl::Status(Transaction&)> body,
                        const postgres::TransactOptions& options) override {
    return real_->Transact(
        [&](Transaction& transaction) {
          WatchedTransaction watched(this, &transaction);
          return body(watched);
        },
        options);
  }
  absl::Status ExecuteAlone(absl::string_view sql) override { return real_->ExecuteAlone(sql); }
  absl::Status Ping() override { return real_->Ping(); }
  Usage usage() const override { return real_->usage(); }

 private:
  class WatchedTransaction : public Transaction {
   public:
    WatchedTransaction(const WatchedDatabase* database, Transaction* real)
        : database_(database), real_(real) {}
    absl::StatusOr<Result> Query(absl::string_view sql, const Params& params) override {
      return real_->Query(sql, params);
    }
    absl::Status Execute(absl::string_view sql) override {
      const absl::Status status = real_->Execute(sql);
      database_->after_(sql);
      return status;
    }

   private:
    const WatchedDatabase* const database_;
    Transaction* const real_;
  };

  postgres::Database* const real_;
  const AfterExecute after_;
};

TEST_F(SwapTest, StoppedServerDoesNotBlockReaders) {
  MakeTable("t", 2, 1);
  MakeTable("t_new", 5, 2);
  const std::unique_ptr<Connection> reader = Connect();
  // Less than the maximum idle time of our transactions.
  ASSERT_OK(reader->Execute("SET lock_timeout = '10s'"));
  const std::string lock = Expand("LOCK TABLE $S.t IN ACCESS EXCLUSIVE");
  int stopped = 0;
  WatchedDatabase database_of_a_stopped_server(&database(), [&](absl::string_view sql) {
    if (!absl::StrContains(absl::StrReplaceAll(sql, {{"\"", ""}}), lock)) return;
    ++stopped;
    // Waits for the lock while the swap is stopped here.
    EXPECT_OK(reader->Query("SELECT count(*) FROM " + Table("t"), Params()));
  });
  EXPECT_THAT(postgres::OverwriteTable(database_of_a_stopped_server, Name("t_new"), Name("t"), {},
                                       NoLedger, &stats_),
              StatusIs(absl::StatusCode::kUnavailable, "DB_UNREACHABLE"));
  EXPECT_EQ(stopped, 1);
  EXPECT_EQ(Count(), "2");
  ASSERT_OK(Swap());
  EXPECT_EQ(Count(), "5");
}

// No lock blocks a GRANT before PostgreSQL 18, so a swap that has not carried it over starts again.
TEST_F(SwapTest, LateGrantIsCarriedOver) {
  MakeTable("t", 2, 1);
  MakeTable("t_new", 5, 2);
  const std::string lock = Expand("LOCK TABLE $S.t IN ACCESS EXCLUSIVE");
  const bool blocked = QueryInt("SHOW server_version_num") >= 180000;
  const std::unique_ptr<Connection> granter = Connect();
  ASSERT_OK(granter->Execute("SET lock_timeout = '200ms'"));
  int grants = 0;
  WatchedDatabase watched(&database(), [&](absl::string_view sql) {
    if (!absl::StrContains(absl::StrReplaceAll(sql, {{"\"", ""}}), lock) || grants > 0) return;
    ++grants;
    EXPECT_EQ(granter->Execute(Expand("GRANT SELECT ON $S.t TO PUBLIC")).ok(), !blocked);
  });
  ASSERT_OK(postgres::OverwriteTable(watched, Name("t_new"), Name("t"), {}, NoLedger, &stats_));
  EXPECT_EQ(grants, 1);
  EXPECT_EQ(stats_.retries, blocked ? 0 : 1);
  EXPECT_EQ(Count(), "5");
  EXPECT_EQ(Value("SELECT has_table_privilege('public', '$S.t', 'SELECT')"), blocked ? "f" : "t");
}

TEST_F(SwapTest, PreparationFollowsTarget) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE INDEX ix ON $S.t (id); ALTER TABLE $S.t ADD CONSTRAINT ck CHECK (id > 0);"
      "CREATE INDEX iy ON $S.t (name); ALTER TABLE $S.t ADD CONSTRAINT uq UNIQUE (id)");
  std::vector<std::string> left_out;
  ASSERT_OK(postgres::PrepareSource(database(), Name("t_new"), Name("t"), {}, &left_out));
  // One index gets another definition under its old name, one is dropped, and one is added.
  Run("DROP INDEX $S.ix; CREATE INDEX ix ON $S.t (name, id); DROP INDEX $S.iy;"
      "ALTER TABLE $S.t DROP CONSTRAINT ck, ADD CONSTRAINT ck CHECK (id > -1),"
      " DROP CONSTRAINT uq, ADD CONSTRAINT uq2 UNIQUE (id)");
  const std::string before = Dump();
  ASSERT_OK(Swap());
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count(), "20");
}

// PostgreSQL prints expressions over a column of another type with casts: "(at + 1)" becomes
// "(at + (1)::numeric)".
TEST_F(SwapTest, RetypedColumnDefinitionsAreRecognized) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("ALTER TABLE $S.t ADD at bigint, ADD CONSTRAINT ck CHECK (at + 1 < 100),"
      " ADD CONSTRAINT ck_later CHECK (at > -5) NOT VALID,"
      " ADD CONSTRAINT ex EXCLUDE USING btree ((at * 2) WITH =);"
      "COMMENT ON CONSTRAINT ck ON $S.t IS 'small';"
      "CREATE INDEX part ON $S.t (id) WHERE at > 5; CREATE INDEX expr ON $S.t ((at + 7));"
      "CREATE STATISTICS $S.st ON (at + 3), (at * 5) FROM $S.t;"
      // A staging table is created like its target.
      "ALTER TABLE $S.t_new ADD at bigint, ADD CONSTRAINT ck CHECK (at + 1 < 100);"
      "ALTER TABLE $S.t_new ALTER at TYPE numeric");
  Run("UPDATE $S.t_new SET at = id");
  const std::string checks =
      "SELECT string_agg(conname || convalidated, ',' ORDER BY conname) FROM pg_constraint"
      " WHERE conrelid = '$S.t'::regclass";
  const std::string indexes =
      "SELECT string_agg(indexrelid::regclass::text, ',' ORDER BY indexrelid::regclass::text)"
      " FROM pg_index WHERE indrelid = '$S.t'::regclass";
  const std::string checks_before = Value(checks);
  const std::string indexes_before = Value(indexes);
  ASSERT_OK(Swap());
  EXPECT_EQ(stats_.retries, 0);
  EXPECT_EQ(Count(), "20");
  EXPECT_EQ(Value(checks), checks_before);
  EXPECT_EQ(Value(indexes), indexes_before);
  EXPECT_EQ(Value("SELECT count(*) FROM pg_statistic_ext WHERE stxname = 'st'"
                  " AND stxrelid = '$S.t'::regclass"),
            "1");
  EXPECT_EQ(Value("SELECT obj_description(oid, 'pg_constraint') FROM pg_constraint"
                  " WHERE conname = 'ck' AND conrelid = '$S.t'::regclass"),
            "small");
}

TEST_F(SwapTest, KeepsGenerations) {
  MakeTable("t", 1, 1);
  Run("CREATE INDEX ix ON $S.t (id); ALTER TABLE $S.t ADD CONSTRAINT pk PRIMARY KEY (id),"
      " ADD number int GENERATED ALWAYS AS IDENTITY;"
      "CREATE STATISTICS $S.st ON id, name FROM $S.t; CREATE VIEW $S.v AS SELECT * FROM $S.t;"
      "CREATE TABLE $S.t_syncline_old_x(); CREATE TABLE $S.t_syncline_old_0()");
  const std::string kept =
      "SELECT string_agg(relname, ',' ORDER BY relname) FROM pg_class WHERE "
      "relkind = 'r' AND relnamespace = '$S'::regnamespace";
  for (int generation = 2; generation <= 5; ++generation) {
    MakeTable("t_new", generation, generation);
    ASSERT_OK(Swap({.keep_generations = 2}));
    EXPECT_EQ(Count("v"), absl::StrCat(generation));
    EXPECT_EQ(Value("SELECT pg_get_serial_sequence('$S.t', 'number')"),
              absl::StrCat(schema(), ".t_number_seq"));
  }
  EXPECT_EQ(Value(kept), "t,t_syncline_old_0,t_syncline_old_3,t_syncline_old_4,t_syncline_old_x");
  EXPECT_EQ(Count("t_syncline_old_4"), "4");
  MakeTable("t_new", 9, 9);
  ASSERT_OK(Swap());
  EXPECT_EQ(Value(kept), "t,t_syncline_old_0,t_syncline_old_x");
}

TEST_F(SwapTest, ReadersSeeOldOrNewTableAndNoErrors) {
  constexpr int kSwaps = 50;
  MakeTable("t", 100, 1);
  Run("CREATE VIEW $S.v AS SELECT * FROM $S.t; CREATE VIEW $S.vv AS SELECT id FROM $S.v;"
      "CREATE INDEX ix ON $S.t (id)");
  std::atomic<bool> done{false};
  std::atomic<int> reads{0};
  std::vector<std::string> wrong(4);
  {
    std::vector<std::unique_ptr<Connection>> connections;
    for (int i = 0; i < 4; ++i) connections.push_back(Connect());
    std::vector<std::thread> readers;
    for (size_t i = 0; i < 4; ++i) {
      readers.emplace_back([&, i] {
        const std::string sql = absl::StrCat("SELECT count(*), sum((id >= ", i, ")::int * 0) FROM ",
                                             Table(i < 2    ? "t"
                                                   : i == 2 ? "v"
                                                            : "vv"));
        while (!done && wrong[i].empty()) {
          const absl::StatusOr<Result> result = connections[i]->Query(sql, Params());
          if (!result.ok()) {
            wrong[i] = result.status().ToString();
          } else if (result->Int(0, 0) != 100 && result->Int(0, 0) != 150) {
            wrong[i] = result->Text(0, 0);
          }
          ++reads;
        }
      });
    }
    for (int i = 0; i < kSwaps; ++i) {
      MakeTable("t_new", i % 2 == 0 ? 150 : 100, i + 2);
      EXPECT_OK(Swap());
      if (HasFailure()) break;
    }
    done = true;
    for (std::thread& reader : readers) reader.join();
  }
  for (const std::string& problem : wrong) EXPECT_EQ(problem, "");
  EXPECT_GT(reads, 4);
  EXPECT_EQ(Count("vv"), "100");
}

TEST_F(SwapTest, LongReaderLocksOutOnlyTheSwap) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE INDEX ix ON $S.t (id)");
  const std::string before = Dump();
  const std::unique_ptr<Connection> holder = Connect();
  ASSERT_OK(holder->Execute("BEGIN; SELECT count(*) FROM " + Table("t")));
  std::atomic<bool> done{false};
  std::string problem;
  std::atomic<int> reads{0};
  const std::unique_ptr<Connection> other = Connect();
  // Far more than the lock_timeout. A reader that queued for as long as the swap keeps trying would
  // exceed it.
  ASSERT_OK(other->Execute("SET statement_timeout = '2s'"));
  std::thread reader([&] {
    while (!done && problem.empty()) {
      const auto result = other->Query("SELECT count(*) FROM " + Table("t"), Params());
      if (!result.ok()) problem = result.status().ToString();
      ++reads;
    }
  });
  const absl::Status status =
      Swap({.locks = {.timeout = absl::Milliseconds(50), .deadline = absl::Seconds(3)}});
  done = true;
  reader.join();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, "SWAP_LOCKED"));
  EXPECT_TRUE(GetDetail(status).retry_after.has_value());
  EXPECT_EQ(problem, "");
  EXPECT_GT(reads, 0);
  EXPECT_GT(stats_.retries, 0);
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count("t_new"), "20");
  ASSERT_OK(holder->Execute("COMMIT"));
  ASSERT_OK(Swap());
  EXPECT_EQ(Count(), "20");
}

TEST_F(SwapTest, OppositeLockOrderIsRetried) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE VIEW $S.v AS SELECT id FROM $S.t");
  const std::unique_ptr<Connection> foreign = Connect();
  ASSERT_OK(foreign->Execute("BEGIN; SET LOCAL lock_timeout = '10s'; LOCK TABLE " + Table("t") +
                             " IN ACCESS SHARE MODE"));
  absl::Status foreign_status;
  std::thread other([&] {
    // Waits behind the swap while the swap waits for this session.
    foreign_status = foreign->Execute("SELECT count(*) FROM " + Table("v"));
    if (foreign_status.ok()) foreign_status = foreign->Execute("COMMIT");
    foreign->Rollback();
  });
  EXPECT_OK(Swap({.locks = {.deadline = absl::Seconds(20)}}));
  other.join();
  EXPECT_OK(foreign_status);
  EXPECT_EQ(Count("v"), "20");
}

TEST_F(SwapTest, WorksWithoutSuperuser) {
  MakeRole("_loader", "LOGIN");
  MakeRole("_reader");
  Run("GRANT ALL ON SCHEMA $S TO $R_loader; GRANT USAGE ON SCHEMA $S TO $R_reader");
  postgres::DatabaseOptions options;
  options.conninfo = dsn() + " user=" + schema() + "_loader";
  ASSERT_OK_AND_ASSIGN(const auto limited, postgres::Database::Create(options));
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("ALTER TABLE $S.t OWNER TO $R_loader; ALTER TABLE $S.t_new OWNER TO $R_loader;"
      "SET ROLE $R_loader; CREATE VIEW $S.v AS SELECT id FROM $S.t;"
      "CREATE MATERIALIZED VIEW $S.m AS SELECT id FROM $S.t;"
      "ALTER TABLE $S.t ADD PRIMARY KEY (id); GRANT SELECT ON $S.t, $S.v, $S.m TO $R_reader;"
      "ALTER TABLE $S.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON $S.t USING (true); RESET "
      "ROLE");
  const std::string before = Dump();
  ASSERT_OK(postgres::OverwriteTable(*limited, Name("t_new"), Name("t"), {}, NoLedger, &stats_));
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count("v"), "20");
  EXPECT_EQ(Count("m"), "20");
}

}  // namespace
}  // namespace syncline

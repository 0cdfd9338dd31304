// The in-place replace against a real PostgreSQL: the table has the staged rows afterwards, and
// everything that depends on it saw ordinary statements.
#include "server/postgres/swap/in_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/swap/kept_generations.h"
#include "server/postgres/table/table_operations.h"
#include "tests/component/swap_fixture.h"

namespace syncline {
namespace {

using postgres::GetSqlState;
using postgres::ReplaceCounts;
using postgres::Transaction;
using ::testing::HasSubstr;
using testing::StatusIs;

constexpr absl::StatusCode kRefused = absl::StatusCode::kFailedPrecondition;

class InPlaceTest : public testing::SwapFixture {
 protected:
  static TableSchema Schema(bool keyed) {
    TableSchema schema;
    schema.columns.push_back({"id", "id", ColumnType::kBigint});
    schema.columns.push_back({"name", "name", ColumnType::kVarchar});
    schema.columns.back().table_type = "text";
    schema.columns.push_back({"amount", "amount", ColumnType::kNumeric});
    schema.columns.back().table_type = "numeric(10,2)";
    if (keyed) schema.primary_key = {"id"};
    return schema;
  }

  absl::StatusOr<ReplaceCounts> Replace(bool keyed = false) { return ReplaceBy(Schema(keyed)); }

  absl::StatusOr<ReplaceCounts> ReplaceBy(const TableSchema& schema) {
    ReplaceCounts counts;
    const absl::Status status = database().Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(postgres::LockForMerge(transaction, Name("t")));
      SYNCLINE_ASSIGN_OR_RETURN(
          counts, postgres::ReplaceRows(transaction, Name("t_new"), Name("t"), schema));
      return absl::OkStatus();
    });
    if (!status.ok()) return status;
    return counts;
  }

  // The rows of both tables in the columns of the stream and the meta columns, without those that
  // differ between an old row and the same staged one.
  std::string Data(absl::string_view table) {
    return QueryValue(
        absl::StrCat("SELECT string_agg(format('%s %s %s', id, name, amount), ',' "
                     "ORDER BY id, name) FROM ",
                     Table(table)));
  }

  // 100 rows of generation 1, and 100 staged ones of generation 2 of which three differ: 100 is
  // missing, 101 is new and 7 has another name.
  void MakeSimilar() {
    MakeTable("t", 100, 1);
    MakeTable("t_new", 101, 2);
    Run("DELETE FROM $S.t_new WHERE id = 100; UPDATE $S.t_new SET name = 'x' WHERE id = 7");
  }
};

TEST_F(InPlaceTest, WithoutKeyAllRowsAreReplaced) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  const std::string oid = Value("SELECT '$S.t'::regclass::oid");
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace());
  EXPECT_FALSE(counts.by_difference);
  EXPECT_EQ(counts.deleted, 10);
  EXPECT_EQ(counts.inserted, 20);
  EXPECT_EQ(counts.rows, 20);
  EXPECT_EQ(Data("t"), Data("t_new"));
  EXPECT_EQ(Value("SELECT min(_airbyte_generation_id) FROM $S.t"), "2");
  EXPECT_EQ(Value("SELECT '$S.t'::regclass::oid"), oid);
}

TEST_F(InPlaceTest, SmallDifferenceIsApplied) {
  MakeSimilar();
  const std::string before = Value("SELECT ctid::text FROM $S.t WHERE id = 50");
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace(/*keyed=*/true));
  EXPECT_TRUE(counts.by_difference);
  EXPECT_EQ(counts.deleted, 1);
  EXPECT_EQ(counts.updated, 1);
  EXPECT_EQ(counts.inserted, 1);
  EXPECT_EQ(counts.rows, 100);
  EXPECT_EQ(Data("t"), Data("t_new"));
  EXPECT_EQ(Value("SELECT ctid::text FROM $S.t WHERE id = 50"), before);
  EXPECT_EQ(Value("SELECT string_agg(id::text, ',' ORDER BY id) FROM $S.t WHERE "
                  "_airbyte_generation_id = 2"),
            "7,101");
}

TEST_F(InPlaceTest, EqualRowsStayAndOneHasTheNewGeneration) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace(/*keyed=*/true));
  EXPECT_TRUE(counts.by_difference);
  EXPECT_EQ(counts.updated, 1);
  EXPECT_EQ(Value("SELECT max(_airbyte_generation_id) FROM $S.t"), "2");
  EXPECT_EQ(Data("t"), Data("t_new"));
}

// No UPDATE can set the column, which the user has made an identity.
TEST_F(InPlaceTest, ValuesOfAnIdentityColumnAreReplaced) {
  MakeSimilar();
  TableSchema schema = Schema(/*keyed=*/true);
  schema.columns.push_back({"number", "number", ColumnType::kBigint});
  Run("ALTER TABLE $S.t ADD number bigint; UPDATE $S.t SET number = id; ALTER TABLE $S.t ADD "
      "PRIMARY KEY (id), ALTER number SET NOT NULL, ALTER number ADD GENERATED ALWAYS AS IDENTITY;"
      "ALTER TABLE $S.t_new ADD number bigint; UPDATE $S.t_new SET number = id + 1");
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, ReplaceBy(schema));
  EXPECT_FALSE(counts.by_difference);
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t WHERE number = id + 1"), "100");
  // Rows that are referenced can be updated only.
  Run("CREATE TABLE $S.o (id bigint REFERENCES $S.t); INSERT INTO $S.o VALUES (7)");
  EXPECT_OK(ReplaceBy(schema).status());
  Run("UPDATE $S.t_new SET number = 500 WHERE id = 9");
  const absl::Status refused = ReplaceBy(schema).status();
  EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("(number)"));
}

TEST_F(InPlaceTest, LargeDifferenceReplacesAllRows) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  Run("UPDATE $S.t_new SET name = 'x' WHERE id > 6");
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace(/*keyed=*/true));
  EXPECT_FALSE(counts.by_difference);
  EXPECT_EQ(Value("SELECT min(_airbyte_generation_id) FROM $S.t"), "2");
  EXPECT_EQ(Data("t"), Data("t_new"));
}

TEST_F(InPlaceTest, EmptyTablesOnEitherSide) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 0, 2);
  ASSERT_OK_AND_ASSIGN(ReplaceCounts counts, Replace(/*keyed=*/true));
  EXPECT_EQ(counts.deleted, 10);
  EXPECT_EQ(counts.rows, 0);
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t"), "0");
  Run("DROP TABLE $S.t_new");
  MakeTable("t_new", 5, 3);
  ASSERT_OK_AND_ASSIGN(counts, Replace(/*keyed=*/true));
  EXPECT_EQ(counts.rows, 5);
  EXPECT_EQ(Data("t"), Data("t_new"));
}

// 1.0 and 1.00 are equal but not the same.
TEST_F(InPlaceTest, DifferenceComparesStoredBytes) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  Run("ALTER TABLE $S.t ALTER amount TYPE numeric, ADD note json; "
      "ALTER TABLE $S.t_new ALTER amount TYPE numeric, ADD note json; "
      "UPDATE $S.t SET amount = '1.0', note = '{}'; UPDATE $S.t_new SET amount = '1.0', note = "
      "'{}'; UPDATE $S.t_new SET amount = '1.00' WHERE id = 4; UPDATE $S.t_new SET note = '{ }' "
      "WHERE id = 5");
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace(/*keyed=*/true));
  EXPECT_EQ(counts.updated, 2);
  EXPECT_EQ(Value("SELECT amount::text FROM $S.t WHERE id = 4"), "1.00");
  EXPECT_EQ(Value("SELECT note::text FROM $S.t WHERE id = 5"), "{ }");
}

// The user has changed types since the staging table was created.
TEST_F(InPlaceTest, ColumnsOfOtherTypesAreReplaced) {
  MakeSimilar();
  Run("ALTER TABLE $S.t ALTER id TYPE numeric, ALTER name TYPE varchar");
  ASSERT_OK_AND_ASSIGN(ReplaceCounts counts, Replace(/*keyed=*/true));
  EXPECT_FALSE(counts.by_difference);
  EXPECT_EQ(Data("t"), Data("t_new"));
  Run("ALTER TABLE $S.t ADD UNIQUE (id); CREATE TABLE $S.child(id numeric REFERENCES $S.t (id));"
      "INSERT INTO $S.child VALUES (3); UPDATE $S.t_new SET name = 'y' WHERE id = 9");
  ASSERT_OK_AND_ASSIGN(counts, Replace(/*keyed=*/true));
  EXPECT_EQ(counts.updated, 100);
  EXPECT_EQ(Data("t"), Data("t_new"));
}

TEST_F(InPlaceTest, RepeatedAndNullKeysAreReplaced) {
  MakeSimilar();
  Run("INSERT INTO $S.t SELECT * FROM $S.t WHERE id = 3; UPDATE $S.t SET id = NULL WHERE id = 4; "
      "UPDATE $S.t_new SET id = NULL WHERE id = 4");
  ASSERT_OK(Replace(/*keyed=*/true));
  EXPECT_EQ(Data("t"), Data("t_new"));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t"), "100");
}

TEST_F(InPlaceTest, RowsThatExchangeUniqueValues) {
  MakeSimilar();
  Run("CREATE UNIQUE INDEX ON $S.t (name); UPDATE $S.t_new SET name = CASE id WHEN 1 THEN 'n2' "
      "ELSE 'n1' END WHERE id IN (1, 2)");
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace(/*keyed=*/true));
  EXPECT_FALSE(counts.by_difference);
  EXPECT_EQ(Data("t"), Data("t_new"));
}

TEST_F(InPlaceTest, ReferencedRowsStay) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  Run("UPDATE $S.t_new SET name = 'new' || id; ALTER TABLE $S.t ADD UNIQUE (id); CREATE TABLE "
      "$S.child(id bigint REFERENCES $S.t (id) ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO "
      "$S.child VALUES (3), (7); DELETE FROM $S.t_new WHERE id = 9");
  ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace());
  EXPECT_TRUE(counts.by_difference);
  EXPECT_EQ(counts.updated, 9);
  EXPECT_EQ(Data("t"), Data("t_new"));
  EXPECT_EQ(Value("SELECT string_agg(id::text, ',' ORDER BY id) FROM $S.child"), "3,7");
}

TEST_F(InPlaceTest, VanishingReferencedKeyIsRefusedWhateverItsAction) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  Run("ALTER TABLE $S.t ADD UNIQUE (id); CREATE TABLE $S.child(id bigint); INSERT INTO $S.child "
      "VALUES (3), (3), (7); DELETE FROM $S.t_new WHERE id IN (3, 9)");
  for (const std::string action : {"NO ACTION", "RESTRICT", "CASCADE", "SET NULL"}) {
    Run("ALTER TABLE $S.child ADD CONSTRAINT my_fk FOREIGN KEY (id) REFERENCES $S.t (id) ON "
        "DELETE " +
        action);
    const absl::Status refused = Replace().status();
    EXPECT_THAT(refused, StatusIs(kRefused, "DEPENDENT_OBJECTS")) << action;
    EXPECT_THAT(std::string(refused.message()), HasSubstr("my_fk"));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("1 rows of"));
    EXPECT_THAT(std::string(refused.message()), HasSubstr("_airbyte_raw_id r3"));
    EXPECT_EQ(Value("SELECT count(*) FROM $S.child WHERE id IS NOT NULL"), "3");
    EXPECT_EQ(Value("SELECT max(_airbyte_generation_id) FROM $S.t"), "1");
    Run("ALTER TABLE $S.child DROP CONSTRAINT my_fk");
  }
}

TEST_F(InPlaceTest, StagedRowsMayNotRepeatAReferencedKey) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  Run("ALTER TABLE $S.t ADD UNIQUE (id); CREATE TABLE $S.child(id bigint CONSTRAINT my_fk "
      "REFERENCES $S.t (id)); INSERT INTO $S.t_new SELECT * FROM $S.t_new WHERE id = 5");
  const absl::Status refused = Replace().status();
  EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("my_fk"));
}

// Two keys of other tables: a row may not keep one and lose the other.
TEST_F(InPlaceTest, EveryReferencedKeyOfARowStays) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  Run("ALTER TABLE $S.t ADD UNIQUE (id), ADD UNIQUE (name); CREATE TABLE $S.a(id bigint CONSTRAINT "
      "a_fk REFERENCES $S.t (id)); CREATE TABLE $S.b(name text CONSTRAINT b_fk REFERENCES $S.t "
      "(name) ON UPDATE CASCADE); INSERT INTO $S.a VALUES (1); INSERT INTO $S.b VALUES ('n2'); "
      "UPDATE $S.t_new SET name = CASE id WHEN 2 THEN 'n3' ELSE 'n2' END WHERE id IN (2, 3)");
  const absl::Status refused = Replace().status();
  EXPECT_THAT(refused, StatusIs(kRefused, "DEPENDENT_OBJECTS"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("b_fk"));
  EXPECT_EQ(Value("SELECT name FROM $S.b"), "n2");
}

TEST_F(InPlaceTest, RowsThatReferenceEachOther) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 6, 2);
  Run("ALTER TABLE $S.t ADD parent bigint; ALTER TABLE $S.t_new ADD parent bigint; UPDATE $S.t SET "
      "parent = id + 1 WHERE id < 10; UPDATE $S.t_new SET parent = id - 1 WHERE id > 1; ALTER "
      "TABLE $S.t ADD PRIMARY KEY (id), ADD FOREIGN KEY (parent) REFERENCES $S.t");
  ASSERT_OK(Replace(/*keyed=*/true));
  EXPECT_EQ(Data("t"), Data("t_new"));
  EXPECT_EQ(Value("SELECT sum(parent) FROM $S.t"), "15");
  // The same while another table references it, too.
  Run("CREATE TABLE $S.child(id bigint REFERENCES $S.t); INSERT INTO $S.child VALUES (2); UPDATE "
      "$S.t_new SET parent = CASE WHEN id < 6 THEN 6 END; INSERT INTO $S.t_new SELECT 'r7', now(), "
      "'{}', 2, 7, 'n7', 7, 6; DELETE FROM $S.t_new WHERE id = 1");
  ASSERT_OK(Replace(/*keyed=*/true));
  EXPECT_EQ(Data("t"), Data("t_new"));
  EXPECT_EQ(Value("SELECT sum(parent) FROM $S.t"), "30");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.child"), "1");
}

TEST_F(InPlaceTest, TriggersSeeTheRows) {
  MakeTable("t", 3, 1);
  MakeTable("t_new", 2, 2);
  Run("CREATE TABLE $S.log(what text); CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS "
      "$$BEGIN IF tg_op = 'DELETE' THEN INSERT INTO $S.log VALUES ('-' || old.id); RETURN old; END "
      "IF; new.name := upper(new.name); RETURN new; END$$; CREATE TRIGGER g BEFORE INSERT OR "
      "DELETE ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f()");
  ASSERT_OK(Replace());
  EXPECT_EQ(Value("SELECT string_agg(name, ',' ORDER BY id) FROM $S.t"), "N1,N2");
  EXPECT_EQ(Value("SELECT string_agg(what, ',' ORDER BY what) FROM $S.log"), "-1,-2,-3");
}

TEST_F(InPlaceTest, TriggerThatKeepsOldRowsIsRefused) {
  MakeSimilar();
  Run("CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; CREATE "
      "TRIGGER g BEFORE DELETE ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f()");
  for (const bool keyed : {false, true}) {
    EXPECT_THAT(Replace(keyed).status(), StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
    EXPECT_EQ(Value("SELECT max(_airbyte_generation_id) FROM $S.t"), "1");
  }
}

TEST_F(InPlaceTest, ColumnsThatTheTableFills) {
  for (const bool keyed : {false, true}) {
    MakeSimilar();
    Run("ALTER TABLE $S.t ADD twice bigint GENERATED ALWAYS AS (id * 2) STORED, ADD number bigint "
        "GENERATED ALWAYS AS IDENTITY, ADD note text, ADD mark text DEFAULT 'd'; UPDATE $S.t SET "
        "note = 'mine', mark = 'mine'; ALTER TABLE $S.t_new ADD twice bigint GENERATED ALWAYS AS "
        "(id * 2) STORED, ADD number bigint GENERATED ALWAYS AS IDENTITY, ADD note text, ADD mark "
        "text DEFAULT 'd'");
    ASSERT_OK(Replace(keyed));
    EXPECT_EQ(Data("t"), Data("t_new"));
    EXPECT_EQ(Value("SELECT count(*) FROM $S.t WHERE twice = id * 2"), "100");
    EXPECT_EQ(Value("SELECT count(DISTINCT number) FROM $S.t"), "100");
    // As a swap does, a replace makes the user's own columns anew.
    EXPECT_EQ(Value("SELECT count(note) FROM $S.t"), "0");
    EXPECT_EQ(Value("SELECT count(*) FROM $S.t WHERE mark = 'd'"), "100");
    Run("DROP TABLE $S.t, $S.t_new");
  }
}

TEST_F(InPlaceTest, PartitionsAndChildren) {
  MakeTable("t_new", 101, 2);
  Run("DELETE FROM $S.t_new WHERE id = 100; UPDATE $S.t_new SET name = 'x' WHERE id = 7; CREATE "
      "TABLE $S.t (LIKE $S.t_new) PARTITION BY RANGE (id); CREATE TABLE $S.t_1 PARTITION OF $S.t "
      "FOR VALUES FROM (0) TO (50); CREATE TABLE $S.t_2 PARTITION OF $S.t DEFAULT");
  for (const bool keyed : {false, true}) {
    Run("DELETE FROM $S.t; INSERT INTO $S.t SELECT 'r', now(), '{}', 1, i, 'n' || i, i FROM "
        "generate_series(1, 100) i");
    ASSERT_OK_AND_ASSIGN(const ReplaceCounts counts, Replace(keyed));
    EXPECT_EQ(counts.by_difference, keyed);
    EXPECT_EQ(Data("t"), Data("t_new"));
  }
  Run("DROP TABLE $S.t");
  MakeTable("t", 50, 1);
  Run("CREATE TABLE $S.c() INHERITS ($S.t); INSERT INTO $S.c SELECT 'r', now(), '{}', 1, i, 'n' || "
      "i, i FROM generate_series(51, 100) i");
  ASSERT_OK(Replace(/*keyed=*/true));
  EXPECT_EQ(Data("t"), Data("t_new"));
  ASSERT_OK(Replace());
  EXPECT_EQ(Data("t"), Data("t_new"));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.c"), "0");
}

TEST_F(InPlaceTest, ConstraintThatTheRowsViolateIsNamed) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("ALTER TABLE $S.t ADD CONSTRAINT my_ck CHECK (id <= 10)");
  const absl::Status refused = Replace().status();
  EXPECT_THAT(refused, StatusIs(kRefused, "TARGET_INCOMPATIBLE"));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("my_ck"));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t"), "10");
}

TEST_F(InPlaceTest, PublicationWithoutReplicaIdentityIsNamed) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE PUBLICATION $S_pub FOR TABLE $S.t");
  EXPECT_THAT(Replace().status(), StatusIs(kRefused, "DEPENDENT_OBJECTS"));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t"), "10");
}

// Readers continue; other writers and locks of rows wait.
TEST_F(InPlaceTest, BlocksWritersAndNoReader) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  const auto other = Connect();
  ASSERT_OK(database().Transact([&](Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(postgres::LockForMerge(transaction, Name("t")));
    SYNCLINE_RETURN_IF_ERROR(
        postgres::ReplaceRows(transaction, Name("t_new"), Name("t"), Schema(false)).status());
    EXPECT_OK(other->Execute("SET lock_timeout = 50"));
    SYNCLINE_ASSIGN_OR_RETURN(const postgres::Result rows,
                              other->Query(Expand("SELECT count(*) FROM $S.t"), {}));
    EXPECT_EQ(rows.Text(0, 0), "10");
    for (const absl::string_view sql : {"DELETE FROM $S.t", "SELECT id FROM $S.t FOR KEY SHARE"}) {
      EXPECT_EQ(GetSqlState(other->Execute(Expand(sql))), "55P03") << sql;
    }
    return absl::OkStatus();
  }));
  EXPECT_EQ(Value("SELECT count(*) FROM $S.t"), "20");
}

TEST_F(InPlaceTest, KeptCopyHasTheOldRowsAndNoGrants) {
  MakeTable("t", 10, 1);
  Run("ALTER DEFAULT PRIVILEGES IN SCHEMA $S GRANT SELECT ON TABLES TO PUBLIC; ALTER TABLE $S.t "
      "ADD CONSTRAINT later CHECK (id > 5) NOT VALID");
  ASSERT_OK(database().Transact(
      [&](Transaction& transaction) { return postgres::KeepCopy(transaction, Name("t")); }));
  EXPECT_EQ(Data("t_syncline_old_1"), Data("t"));
  EXPECT_EQ(Value("SELECT count(*) FROM pg_class, aclexplode(relacl) a WHERE oid = "
                  "'$S.t_syncline_old_1'::regclass AND a.grantee <> relowner"),
            "0");
  ASSERT_OK(database().Transact(
      [&](Transaction& transaction) { return postgres::KeepCopy(transaction, Name("t")); }));
  ASSERT_OK(postgres::PruneKept(database(), {}, Name("t"), 1));
  EXPECT_EQ(Value("SELECT to_regclass('$S.t_syncline_old_1') IS NULL"), "t");
  EXPECT_EQ(Data("t_syncline_old_2"), Data("t"));
}

// A subscription that does not have the copy would stop at its first row.
TEST_F(InPlaceTest, KeptCopyIsNotPublished) {
  MakeTable("t", 10, 1);
  Run("CREATE PUBLICATION $S_pub FOR TABLES IN SCHEMA $S");
  ASSERT_OK(database().Transact(
      [&](Transaction& transaction) { return postgres::KeepCopy(transaction, Name("t")); }));
  EXPECT_EQ(Data("t_syncline_old_1"), Data("t"));
  EXPECT_EQ(Value("SELECT string_agg(tablename, ' ') FROM pg_publication_tables WHERE pubname = "
                  "'$S_pub'"),
            "t");
  Run("DROP PUBLICATION $S_pub");
  ASSERT_OK(postgres::PruneKept(database(), {}, Name("t"), 0));
  EXPECT_EQ(Value("SELECT to_regclass('$S.t_syncline_old_1') IS NULL"), "t");
}

}  // namespace
}  // namespace syncline

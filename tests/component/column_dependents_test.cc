// What depends on a column whose type changes in place: it is kept as it was, or the change is
// refused before anything is loaded, with the name of the object.
#include "server/postgres/dependents/column_dependents.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/str_replace.h"
#include "server/postgres/table/retype_check.h"
#include "server/postgres/table/schema_evolution.h"
#include "tests/component/swap_fixture.h"

namespace syncline {
namespace {

using postgres::Transaction;
using testing::StatusIs;

ColumnSchema Column(const char* name, ColumnType type, const char* table_type = "") {
  return {.input_name = name, .column_name = name, .type = type, .table_type = table_type};
}

// The fixture's table with `amount` as text, or with `id` as numeric.
TableSchema TextAmount() {
  TableSchema schema;
  schema.columns = {Column("id", ColumnType::kBigint), Column("name", ColumnType::kVarchar, "text"),
                    Column("amount", ColumnType::kVarchar)};
  return schema;
}
TableSchema NumericId() {
  TableSchema schema;
  schema.columns = {Column("id", ColumnType::kNumeric),
                    Column("name", ColumnType::kVarchar, "text"),
                    Column("amount", ColumnType::kNumeric, "numeric(10,2)")};
  return schema;
}

class ColumnDependentsTest : public testing::SwapFixture {
 protected:
  void SetUp() override {
    SwapFixture::SetUp();
    if (schema().empty()) return;
    MakeRole("_reader");
    MakeTable("t", 10, 1);
    Run("CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TABLE $S.o(x numeric)");
  }

  absl::Status Check(const TableSchema& schema, bool replaced = false,
                     const std::set<std::string>& dropped = {}) {
    return database().Transact([&](Transaction& transaction) {
      return postgres::CheckColumnChanges(transaction, Name("t"), {schema, dropped, replaced});
    });
  }
  absl::Status Evolve(const TableSchema& schema) {
    return database().Transact([&](Transaction& transaction) {
      return postgres::EvolveTable(transaction, Name("t"), schema);
    });
  }

  // Changes the type of `amount` and expects that nothing else changes.
  void ExpectKept() {
    const std::string before = Dump();
    ASSERT_OK(Check(TextAmount()));
    EXPECT_EQ(Dump(), before) << "the check leaves nothing behind";
    ASSERT_OK(Evolve(TextAmount()));
    EXPECT_EQ(Dump(),
              absl::StrReplaceAll(before, {{"amount numeric(10,2)", "amount character varying"}}));
    EXPECT_EQ(Value("SELECT string_agg(amount, ',' ORDER BY id) FROM $S.t WHERE id < 3"),
              "1.00,2.00");
  }

  void ExpectRefused(const absl::Status& status, absl::string_view object) {
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"));
    EXPECT_TRUE(absl::StrContains(status.message(), object)) << status;
  }
};

struct Kept {
  const char* name;
  const char* sql;
};
void PrintTo(const Kept& value, std::ostream* out) { *out << value.name; }

class KeptTest : public ColumnDependentsTest, public ::testing::WithParamInterface<Kept> {};

TEST_P(KeptTest, StaysAsItWas) {
  Run(GetParam().sql);
  ExpectKept();
}

INSTANTIATE_TEST_SUITE_P(
    All, KeptTest,
    ::testing::Values(
        Kept{"Policy",
             "CREATE POLICY p ON $S.t AS RESTRICTIVE FOR UPDATE TO $R_reader USING (amount IS NOT "
             "NULL) WITH CHECK (amount IS NULL); COMMENT ON POLICY p ON $S.t IS 'mine';"
             "CREATE POLICY other ON $S.t USING (id > 0); ALTER TABLE $S.t ENABLE ROW LEVEL "
             "SECURITY"},
        Kept{"PolicyOfAnotherTable",
             "CREATE POLICY p ON $S.o USING (EXISTS (SELECT FROM $S.t WHERE amount IS NULL))"},
        Kept{"PolicyThatReadsView",
             "CREATE VIEW $S.v AS SELECT amount FROM $S.t;"
             "CREATE POLICY p ON $S.o USING (EXISTS (SELECT FROM $S.v WHERE amount IS NULL))"},
        Kept{"TriggerOnColumn",
             "CREATE TRIGGER tr AFTER UPDATE OF amount, name ON $S.t FOR EACH ROW EXECUTE FUNCTION "
             "$S.f('x'); ALTER TABLE $S.t DISABLE TRIGGER tr; COMMENT ON TRIGGER tr ON $S.t IS "
             "'mine'; CREATE TRIGGER other BEFORE INSERT ON $S.t FOR EACH ROW EXECUTE FUNCTION "
             "$S.f()"},
        Kept{
            "TriggerWithCondition",
            "CREATE TRIGGER tr AFTER UPDATE ON $S.t FOR EACH ROW WHEN (NEW.amount IS NULL) EXECUTE "
            "FUNCTION $S.f()"},
        Kept{"TriggerOfWholeRow",
             "CREATE TRIGGER tr AFTER UPDATE ON $S.t FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM "
             "NEW.*) EXECUTE FUNCTION $S.f()"},
        Kept{"Rule",
             "CREATE RULE r AS ON DELETE TO $S.t WHERE OLD.amount IS NULL DO INSTEAD NOTHING;"
             "COMMENT ON RULE r ON $S.t IS 'mine'; ALTER TABLE $S.t DISABLE RULE r"},
        Kept{"RuleOfAnotherTable",
             "CREATE RULE r AS ON INSERT TO $S.o DO ALSO UPDATE $S.t SET name = 'x' WHERE amount "
             "IS NULL"},
        Kept{"ViewsWithTriggersAndRules",
             "CREATE VIEW $S.v AS SELECT id, amount FROM $S.t; CREATE TRIGGER tr INSTEAD OF INSERT "
             "ON $S.v FOR EACH ROW EXECUTE FUNCTION $S.f();"
             "CREATE RULE r AS ON DELETE TO $S.v DO INSTEAD NOTHING; GRANT SELECT ON $S.v TO "
             "$R_reader; CREATE MATERIALIZED VIEW $S.m AS SELECT amount FROM $S.v;"
             "CREATE INDEX m_ix ON $S.m (amount)"},
        Kept{"IndexesAndTheirTargets",
             "CREATE INDEX ix ON $S.t ((amount IS NULL)) WHERE amount IS NOT NULL;"
             "ALTER INDEX $S.ix ALTER COLUMN 1 SET STATISTICS 77; COMMENT ON INDEX $S.ix IS 'mine';"
             "ALTER TABLE $S.t ADD CONSTRAINT uq UNIQUE (amount) WITH (fillfactor = 60) DEFERRABLE;"
             "COMMENT ON CONSTRAINT uq ON $S.t IS 'mine'; CREATE INDEX cl ON $S.t (amount);"
             "ALTER TABLE $S.t CLUSTER ON cl; CREATE UNIQUE INDEX id ON $S.t (id);"
             "ALTER TABLE $S.t ALTER id SET NOT NULL, REPLICA IDENTITY USING INDEX id"},
        Kept{"Statistics",
             "ALTER TABLE $S.t ALTER amount SET STATISTICS 77, ALTER amount SET (n_distinct = 5);"
             "CREATE STATISTICS $S.st (mcv) ON id, amount FROM $S.t; ALTER STATISTICS $S.st SET "
             "STATISTICS 55; ALTER STATISTICS $S.st OWNER TO $R_reader; COMMENT ON STATISTICS "
             "$S.st IS 'mine'"},
        Kept{"StorageOfColumn",
             "ALTER TABLE $S.t ALTER amount SET STORAGE EXTERNAL, ALTER amount SET COMPRESSION "
             "pglz"},
        Kept{"GrantsAndComment",
             "GRANT SELECT (amount), UPDATE (amount) ON $S.t TO $R_reader WITH GRANT OPTION;"
             "COMMENT ON COLUMN $S.t.amount IS 'mine'"},
        Kept{"CheckAndNotNull",
             "ALTER TABLE $S.t ADD CONSTRAINT ck CHECK (amount IS NOT NULL) NOT VALID,"
             " ALTER amount SET NOT NULL; COMMENT ON CONSTRAINT ck ON $S.t IS 'mine'"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(ColumnDependentsTest, PublicationIsKept) {
  const std::string published =
      "SELECT string_agg(concat_ws(' ', pubname, attnames::text, rowfilter), ', ' ORDER BY pubname)"
      " FROM pg_publication_tables WHERE schemaname = '$S'";
  Run("CREATE PUBLICATION $S_a FOR TABLE $S.t (id, amount) WHERE (amount IS NOT NULL)"
      " WITH (publish = 'insert'); CREATE PUBLICATION $S_b FOR TABLE $S.t, $S.o");
  const std::string before = Value(published);
  const absl::Status checked = Check(TextAmount());
  const absl::Status evolved = Evolve(TextAmount());
  const std::string after = Value(published);
  Run("DROP PUBLICATION $S_a, $S_b");
  EXPECT_OK(checked);
  EXPECT_OK(evolved);
  EXPECT_EQ(after, before);
}

TEST_F(ColumnDependentsTest, ForeignKeyAndStatesOfItsTriggersAreKept) {
  const std::string states =
      "SELECT string_agg(tgfoid::regproc::text || tgenabled::text, ',' ORDER BY tgfoid) FROM "
      "pg_trigger "
      "WHERE tgrelid = '$S.t'::regclass AND tgisinternal";
  Run("CREATE TABLE $S.\"p%p\"(n numeric PRIMARY KEY); INSERT INTO $S.\"p%p\" SELECT "
      "generate_series(1, 20); ALTER TABLE $S.t ADD CONSTRAINT \"f k\" FOREIGN KEY (id) REFERENCES "
      "$S.\"p%p\"; ALTER TABLE $S.t DISABLE TRIGGER ALL");
  const std::string before = Value(states);
  ASSERT_OK(Check(NumericId()));
  ASSERT_OK(Evolve(NumericId()));
  EXPECT_EQ(Value(states), before);
  EXPECT_EQ(Value("SELECT count(*) FROM pg_constraint WHERE conname = 'f k'"
                  " AND conrelid = '$S.t'::regclass"),
            "1");
}

TEST_F(ColumnDependentsTest, DependenciesOnExtensionsAreKept) {
  const std::string dependencies =
      "SELECT count(*) FROM pg_depend WHERE deptype = 'x' AND (objid = '$S.ix'::regclass OR objid "
      "IN (SELECT oid FROM pg_trigger WHERE tgrelid = '$S.t'::regclass))";
  Run("CREATE INDEX ix ON $S.t (amount); ALTER INDEX $S.ix DEPENDS ON EXTENSION plpgsql;"
      "CREATE TRIGGER tr AFTER UPDATE OF amount ON $S.t FOR EACH ROW EXECUTE FUNCTION $S.f();"
      "ALTER TRIGGER tr ON $S.t DEPENDS ON EXTENSION plpgsql");
  ASSERT_EQ(Value(dependencies), "2");
  ASSERT_OK(Evolve(TextAmount()));
  EXPECT_EQ(Value(dependencies), "2");
}

struct Forbidden {
  const char* name;
  const char* sql;
  const char* object;
  bool in_replace = false;  // a replace cannot change the type either
};
void PrintTo(const Forbidden& value, std::ostream* out) { *out << value.name; }

class ForbiddenTest : public ColumnDependentsTest,
                      public ::testing::WithParamInterface<Forbidden> {};

TEST_P(ForbiddenTest, IsNamedBeforeTheChange) {
  Run(GetParam().sql);
  const std::string before = Dump();
  ExpectRefused(Check(TextAmount()), GetParam().object);
  if (GetParam().in_replace) {
    ExpectRefused(Check(TextAmount(), /*replaced=*/true), GetParam().object);
  } else {
    EXPECT_OK(Check(TextAmount(), /*replaced=*/true));
  }
  EXPECT_FALSE(Evolve(TextAmount()).ok());
  EXPECT_EQ(Dump(), before);
}

INSTANTIATE_TEST_SUITE_P(
    All, ForbiddenTest,
    ::testing::Values(
        Forbidden{"GeneratedColumn",
                  "ALTER TABLE $S.t ADD g int GENERATED ALWAYS AS (amount) "
                  "STORED",
                  "column g", true},
        Forbidden{"Check", "ALTER TABLE $S.t ADD CHECK (amount > 0)", "amount from numeric(10,2)",
                  true},
        Forbidden{"IndexExpression", "CREATE INDEX ix ON $S.t ((amount + 1))",
                  "amount from numeric(10,2)", true},
        Forbidden{"PartialIndex", "CREATE INDEX ix ON $S.t (id) WHERE amount > 1",
                  "amount from numeric(10,2)", true},
        Forbidden{"PolicyCondition", "CREATE POLICY my_p ON $S.t USING (amount > 0)", "my_p", true},
        Forbidden{"TriggerCondition",
                  "CREATE TRIGGER my_tr AFTER UPDATE ON $S.t FOR EACH ROW WHEN (OLD.amount < "
                  "NEW.amount + 1) EXECUTE FUNCTION $S.f('x')",
                  "my_tr", true},
        Forbidden{"OutgoingForeignKey",
                  "CREATE TABLE $S.p(n numeric PRIMARY KEY); INSERT INTO $S.p SELECT "
                  "generate_series(1, 10); ALTER TABLE $S.t ADD CONSTRAINT my_fk FOREIGN KEY "
                  "(amount) REFERENCES $S.p",
                  "my_fk", true},
        Forbidden{"IncomingForeignKey",
                  "ALTER TABLE $S.t ADD UNIQUE (amount); CREATE TABLE $S.c(n numeric CONSTRAINT "
                  "my_fk REFERENCES $S.t (amount))",
                  "my_fk", true},
        Forbidden{"SqlBody",
                  "CREATE FUNCTION $S.my_f() RETURNS numeric BEGIN ATOMIC SELECT sum(amount) FROM "
                  "$S.t; END",
                  "my_f"},
        Forbidden{"RowTypeColumn", "CREATE TABLE $S.r(my_c $S.t)", "my_c"},
        Forbidden{"RowTypeArrayColumn", "CREATE TABLE $S.r(my_c $S.t[])", "my_c"}),
    [](const auto& param) { return std::string(param.param.name); });

TEST_F(ColumnDependentsTest, DefaultWithoutCastIsRefused) {
  Run("ALTER TABLE $S.t ALTER name SET DEFAULT 'x'; UPDATE $S.t SET name = '7'");
  TableSchema schema = TextAmount();
  schema.columns[1] = Column("name", ColumnType::kBigint);
  schema.columns[2] = Column("amount", ColumnType::kNumeric, "numeric(10,2)");
  ExpectRefused(Check(schema), "name from text to bigint");
  ExpectRefused(Evolve(schema), "default");
  Run("ALTER TABLE $S.t ALTER name DROP DEFAULT");
  EXPECT_OK(Check(schema));
  EXPECT_OK(Evolve(schema));
}

TEST_F(ColumnDependentsTest, IdentityMustBeAnInteger) {
  Run("ALTER TABLE $S.t ALTER id SET NOT NULL, ALTER id ADD GENERATED BY DEFAULT AS IDENTITY");
  ExpectRefused(Check(NumericId()), "column id");
  ExpectRefused(Check(NumericId(), /*replaced=*/true), "column id");
}

TEST_F(ColumnDependentsTest, InvalidIndexIsNamed) {
  Run("CREATE UNIQUE INDEX my_ix ON $S.t (amount); UPDATE pg_index SET indisvalid = false"
      " WHERE indexrelid = '$S.my_ix'::regclass");
  ExpectRefused(Check(TextAmount()), "my_ix");
  EXPECT_OK(Check(TextAmount(), /*replaced=*/true));
}

TEST_F(ColumnDependentsTest, PartitionsCount) {
  Run("DROP TABLE $S.t; CREATE TABLE $S.t(id bigint, name text, amount numeric(10,2)) PARTITION BY "
      "LIST (id); CREATE TABLE $S.p PARTITION OF $S.t DEFAULT;"
      "CREATE POLICY p ON $S.p USING (amount IS NOT NULL)");
  EXPECT_OK(Check(TextAmount()));
  ExpectRefused(Check(NumericId()), "column id");
  Run("CREATE VIEW $S.my_v AS SELECT amount FROM $S.p");
  ExpectRefused(Check(TextAmount()), "my_v");
}

TEST_F(ColumnDependentsTest, ObjectOfAnotherOwnerIsNamed) {
  MakeRole("_loader");
  Run("GRANT ALL ON SCHEMA $S TO $R_loader; ALTER TABLE $S.t OWNER TO $R_loader;"
      "CREATE VIEW $S.other AS SELECT id FROM $S.t; CREATE POLICY ours ON $S.t USING (amount IS "
      "NOT NULL); CREATE VIEW $S.ours AS SELECT amount FROM $S.t; ALTER VIEW $S.ours OWNER TO "
      "$R_loader");
  const auto check = [&] {
    return database().Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Expand("SET LOCAL ROLE $R_loader")));
      return postgres::CheckColumnChanges(transaction, Name("t"), {TextAmount(), {}, false});
    });
  };
  EXPECT_OK(check());
  for (const char* sql : {"CREATE VIEW $S.my_x AS SELECT amount FROM $S.ours",
                          "CREATE POLICY my_x ON $S.o USING (EXISTS (SELECT amount FROM $S.t))",
                          "CREATE RULE my_x AS ON INSERT TO $S.o DO ALSO SELECT amount FROM $S.t",
                          "CREATE PUBLICATION $S_pub FOR TABLE $S.t (amount) WITH (publish = "
                          "'insert')"}) {
    Run(sql);
    const absl::Status status = check();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied, "DB_PERMISSION_DENIED"));
    EXPECT_TRUE(absl::StrContains(status.message(), "my_x") ||
                absl::StrContains(status.message(), "_pub"))
        << status;
    Run("DROP VIEW IF EXISTS $S.my_x; DROP POLICY IF EXISTS my_x ON $S.o;"
        "DROP RULE IF EXISTS my_x ON $S.o; DROP PUBLICATION IF EXISTS $S_pub");
  }
}

TEST_F(ColumnDependentsTest, ObjectsOnDroppedColumnAreNamed) {
  TableSchema schema = TextAmount();
  schema.columns.pop_back();
  Run("CREATE INDEX ix ON $S.t (amount); ALTER TABLE $S.t ADD CHECK (amount > 0), ALTER amount SET "
      "DEFAULT 7; CREATE STATISTICS $S.st ON id, amount FROM $S.t");
  EXPECT_OK(Check(schema, false, {"amount"})) << "they are dropped with the column";
  const auto refused = [&](const char* create, const char* object, const char* drop) {
    Run(create);
    ExpectRefused(Check(schema, false, {"amount"}), object);
    ExpectRefused(Check(schema, true, {"amount"}), object);
    Run(drop);
  };
  refused("CREATE VIEW $S.my_v AS SELECT amount FROM $S.t", "view", "DROP VIEW $S.my_v");
  refused("CREATE POLICY my_p ON $S.t USING (amount > 0)", "my_p", "DROP POLICY my_p ON $S.t");
  refused(
      "CREATE TRIGGER my_tr AFTER UPDATE OF amount ON $S.t FOR EACH ROW EXECUTE FUNCTION "
      "$S.f()",
      "my_tr", "DROP TRIGGER my_tr ON $S.t");
}

}  // namespace
}  // namespace syncline

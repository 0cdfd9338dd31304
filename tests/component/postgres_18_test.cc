// What PostgreSQL 18 added to tables: NOT NULL constraints with names and comments, and virtual
// generated columns.
#include <gtest/gtest.h>

#include <string>

#include "tests/component/swap_fixture.h"

namespace syncline::testing {
namespace {

class Postgres18Test : public SwapFixture {
 protected:
  void SetUp() override {
    SwapFixture::SetUp();
    if (!schema().empty() && QueryInt("SHOW server_version_num") < 180000) {
      GTEST_SKIP() << "needs PostgreSQL 18";
    }
  }

  // Returns "id:my_nn:why …": the columns, names and comments of the NOT NULL constraints of `t`.
  std::string NotNulls() {
    return Value(
        "SELECT string_agg(concat_ws(':', a.attname, k.conname, obj_description(k.oid, "
        "'pg_constraint')), ' ' ORDER BY a.attnum) FROM pg_constraint k JOIN pg_attribute a ON "
        "a.attrelid = k.conrelid AND a.attnum = k.conkey[1] WHERE k.contype = 'n' AND k.conrelid = "
        "'$S.t'::regclass AND a.attname NOT LIKE '\\_airbyte%'");
  }
};

TEST_F(Postgres18Test, NotNullConstraintsKeepNamesAndComments) {
  MakeTable("t", 2, 1);
  Run("ALTER TABLE $S.t ADD CONSTRAINT needed NOT NULL id, ADD CONSTRAINT named NOT NULL name;"
      "COMMENT ON CONSTRAINT needed ON $S.t IS 'why'");
  MakeTable("t_new", 3, 2);
  // Its names are those of the other column.
  Run("ALTER TABLE $S.t_new ADD CONSTRAINT named NOT NULL id, ADD CONSTRAINT needed NOT NULL name");
  ASSERT_OK(Swap());
  EXPECT_EQ(NotNulls(), "id:needed:why name:named");
  EXPECT_EQ(
      Value("SELECT count(*) FROM pg_constraint WHERE conrelid = '$S.t'::regclass AND conname "
            "LIKE '%t\\_new%'"),
      "0");
}

TEST_F(Postgres18Test, NotNullConstraintsOfANewTableHaveItsName) {
  MakeTable("t_new", 3, 2);
  Run("ALTER TABLE $S.t_new ALTER id SET NOT NULL");
  ASSERT_OK(Swap());
  EXPECT_EQ(NotNulls(), "id:t_id_not_null");
  EXPECT_EQ(
      Value("SELECT count(*) FROM pg_constraint WHERE conrelid = '$S.t'::regclass AND conname "
            "LIKE 't\\_new%'"),
      "0");
}

TEST_F(Postgres18Test, VirtualGeneratedColumnIsCarriedOver) {
  MakeTable("t", 2, 1);
  Run("ALTER TABLE $S.t ADD twice bigint GENERATED ALWAYS AS (id * 2) VIRTUAL,"
      " ADD label text GENERATED ALWAYS AS (name || '!') VIRTUAL NOT NULL;"
      "COMMENT ON COLUMN $S.t.twice IS 'doubled'; GRANT SELECT (twice) ON $S.t TO PUBLIC");
  const std::string definitions =
      "SELECT string_agg(concat_ws(' ', a.attname, a.attgenerated, a.attnotnull, a.attacl, "
      "pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum)), ', ' ORDER BY "
      "a.attname) FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = "
      "a.attnum WHERE a.attrelid = '$S.t'::regclass";
  const std::string before = Value(definitions);
  MakeTable("t_new", 3, 2);
  ASSERT_OK(Swap());
  EXPECT_EQ(Value(definitions), before);
  EXPECT_EQ(Value("SELECT string_agg(twice || label, ' ' ORDER BY id) FROM $S.t"),
            "2n1! 4n2! 6n3!");
}

}  // namespace
}  // namespace syncline::testing

// What follows an in-place replace: refreshed materialized views, and a vacuum.
#include "server/postgres/swap/in_place_upkeep.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/component/swap_fixture.h"

namespace syncline {
namespace {

using InPlaceUpkeepTest = testing::SwapFixture;

TEST_F(InPlaceUpkeepTest, MaterializedViewsAreRefreshed) {
  MakeTable("t", 1, 1);
  Run("CREATE MATERIALIZED VIEW $S.plain AS SELECT count(*) AS n FROM $S.t; CREATE MATERIALIZED "
      "VIEW "
      "$S.keyed AS SELECT id FROM $S.t; CREATE UNIQUE INDEX ON $S.keyed (id); CREATE MATERIALIZED "
      "VIEW $S.never AS SELECT id FROM $S.t WITH NO DATA");
  const std::string file = Value("SELECT pg_relation_filenode('$S.keyed')");
  Run("INSERT INTO $S.t VALUES ('r', now(), '{}', 1, 2, 'n2', 2)");
  postgres::RefreshReaders(database(), Name("t"), {});
  EXPECT_EQ(Value("SELECT n FROM $S.plain"), "2");
  EXPECT_EQ(Value("SELECT count(*) FROM $S.keyed"), "2");
  // Only a refresh without CONCURRENTLY writes a new file.
  EXPECT_EQ(Value("SELECT pg_relation_filenode('$S.keyed')"), file);
  EXPECT_EQ(Value("SELECT relispopulated FROM pg_class WHERE oid = '$S.never'::regclass"), "f");
}

// A policy would hide rows of another table from the view's owner, which is an error in our
// sessions.
TEST_F(InPlaceUpkeepTest, MaterializedViewIsRefreshedWithTheRowsThatItsOwnerSees) {
  MakeRole("_reader");
  MakeTable("t", 1, 1);
  Run("CREATE TABLE $S.secret (id bigint); INSERT INTO $S.secret VALUES (1), (2);"
      "ALTER TABLE $S.secret ENABLE ROW LEVEL SECURITY;"
      "CREATE POLICY own ON $S.secret USING (id = 2);"
      "GRANT USAGE, CREATE ON SCHEMA $S TO $R_reader; GRANT SELECT ON $S.secret, $S.t TO $R_reader;"
      "CREATE MATERIALIZED VIEW $S.seen AS SELECT id FROM $S.t JOIN $S.secret USING (id);"
      "CREATE UNIQUE INDEX ON $S.seen (id); ALTER MATERIALIZED VIEW $S.seen OWNER TO $R_reader");
  Run("INSERT INTO $S.t VALUES ('r', now(), '{}', 1, 2, 'n2', 2)");
  postgres::RefreshReaders(database(), Name("t"), {});
  EXPECT_EQ(Value("SELECT string_agg(id::text, ' ') FROM $S.seen"), "2");
}

TEST_F(InPlaceUpkeepTest, DeadRowsAreVacuumed) {
  MakeTable("t", 1000, 1);
  Run("DELETE FROM $S.t WHERE id > 500");
  postgres::VacuumReplaced(database(), Name("t"));
  // ANALYZE has counted the rows.
  EXPECT_EQ(Value("SELECT reltuples::bigint FROM pg_class WHERE oid = '$S.t'::regclass"), "500");
  EXPECT_EQ(Value("SELECT count(*) > 0 FROM pg_stats WHERE schemaname = '$S' AND tablename = 't'"),
            "t");
}

}  // namespace
}  // namespace syncline

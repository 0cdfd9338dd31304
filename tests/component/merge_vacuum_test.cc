// Tables with many dead rows are vacuumed after a merge.
#include "server/write/merge_vacuum.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/postgres/table/table_vacuum.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::write {
namespace {

class MergeVacuumTest : public testing::PostgresTest {
 protected:
  TableName Name() const { return {schema(), "t"}; }

  // A table of 1,000 rows, the first `dead` of which are deleted.
  void MakeTable(int dead, absl::string_view options = "autovacuum_vacuum_cost_limit = 100") {
    Execute(absl::StrCat("CREATE TABLE ", Table("t"), " (id int) WITH (", options,
                         "); INSERT INTO ", Table("t"),
                         " SELECT generate_series(1, 1000); ANALYZE ", Table("t")));
    Execute(absl::StrCat("DELETE FROM ", Table("t"), " WHERE id <= ", dead));
  }

  bool IsDue(int64_t dead_rows) {
    const absl::StatusOr<bool> vacuumed = postgres::VacuumIfDue(database(), Name(), dead_rows);
    EXPECT_OK(vacuumed.status());
    return vacuumed.value_or(false);
  }

  // Only a vacuum finds pages whose rows all are visible.
  bool IsVacuumed() {
    return QueryInt(absl::StrCat("SELECT relallvisible FROM pg_class WHERE oid = '", Table("t"),
                                 "'::regclass")) > 0;
  }
};

// The threshold is 50 rows and a fifth of the table.
TEST_F(MergeVacuumTest, ThresholdIsThatOfAutovacuum) {
  MakeTable(100);
  EXPECT_FALSE(IsDue(100));
  EXPECT_FALSE(IsVacuumed());
  EXPECT_TRUE(IsDue(300));
  EXPECT_TRUE(IsVacuumed());
}

TEST_F(MergeVacuumTest, OptionsOfTheTableCount) {
  MakeTable(300, "autovacuum_vacuum_scale_factor = 0.9");
  EXPECT_FALSE(IsDue(300));
  Execute(absl::StrCat("ALTER TABLE ", Table("t"),
                       " SET (autovacuum_vacuum_scale_factor = 0, "
                       "autovacuum_vacuum_threshold = 10, autovacuum_enabled = off)"));
  EXPECT_FALSE(IsDue(300));
  Execute(absl::StrCat("ALTER TABLE ", Table("t"), " RESET (autovacuum_enabled)"));
  EXPECT_TRUE(IsDue(11));
}

TEST_F(MergeVacuumTest, MissingTableIsNoError) { EXPECT_FALSE(IsDue(1000)); }

TEST_F(MergeVacuumTest, NotedTableIsVacuumedOnce) {
  MakeTable(300);
  MergeVacuum vacuum(&database(), absl::ZeroDuration());
  vacuum.Note(Name(), 200);
  vacuum.Note(Name(), 100);
  vacuum.Run();
  EXPECT_TRUE(IsVacuumed());
}

TEST_F(MergeVacuumTest, NothingRunsBeforeTheDelayOrAfterStop) {
  MakeTable(300);
  MergeVacuum later(&database(), absl::Hours(1));
  later.Note(Name(), 300);
  later.Run();
  MergeVacuum stopped(&database(), absl::ZeroDuration());
  stopped.Note(Name(), 300);
  stopped.Stop();
  stopped.Run();
  EXPECT_FALSE(IsVacuumed());
}

}  // namespace
}  // namespace syncline::write

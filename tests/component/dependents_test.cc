// Views that are dropped for a change of the table beneath them and restored as they were.
#include "server/postgres/dependents/dependents.h"

#include <gtest/gtest.h>

#include "tests/component/swap_fixture.h"

namespace syncline {
namespace {

using postgres::Dependents;
using postgres::Transaction;
using testing::StatusIs;

class DependentsTest : public testing::SwapFixture {
 protected:
  void SetUp() override {
    SwapFixture::SetUp();
    if (schema().empty()) return;
    MakeRole("_reader");
    MakeTable("t", 10, 1);
    Run("CREATE VIEW $S.v WITH (security_barrier) AS SELECT id, name FROM $S.t WITH CHECK OPTION;"
        "CREATE VIEW $S.amounts AS SELECT id, amount FROM $S.t;"
        "CREATE MATERIALIZED VIEW $S.m AS SELECT id, name FROM $S.v;"
        "CREATE INDEX m_ix ON $S.m (id); COMMENT ON MATERIALIZED VIEW $S.m IS 'm';"
        "CREATE VIEW $S.top AS SELECT a.amount, m.name FROM $S.amounts a JOIN $S.m m USING (id);"
        "GRANT SELECT, UPDATE (name) ON $S.v TO $R_reader; COMMENT ON COLUMN $S.v.name IS 'n';"
        "ALTER VIEW $S.v ALTER name SET DEFAULT 'd';"
        "CREATE RULE r AS ON DELETE TO $S.top DO INSTEAD NOTHING;"
        "CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
        "CREATE TRIGGER tr INSTEAD OF INSERT ON $S.top FOR EACH ROW EXECUTE FUNCTION $S.f();");
  }

  absl::Status ChangeTable(const std::set<std::string>& columns, const std::string& change) {
    return database().Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(const Dependents all,
                                postgres::CaptureDependents(transaction, Name("t")));
      const Dependents chosen = postgres::SelectReaders(all, columns);
      chosen_.clear();
      for (const postgres::DependentView& view : chosen.views) chosen_.push_back(view.name.name);
      SYNCLINE_RETURN_IF_ERROR(postgres::DropDependentViews(transaction, chosen));
      SYNCLINE_RETURN_IF_ERROR(transaction.Execute(Expand(change)));
      return postgres::RestoreDependentViews(transaction, chosen);
    });
  }

  std::vector<std::string> chosen_;
};

TEST_F(DependentsTest, RestoredViewsEqualDroppedViews) {
  const std::string before = Dump();
  ASSERT_OK(ChangeTable({"id"}, "ALTER TABLE $S.t ALTER id TYPE bigint"));
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(chosen_.size(), 4u);
  EXPECT_EQ(Value("SELECT count(*) FROM $S.m"), "10");
}

TEST_F(DependentsTest, MaterializedViewHasTheRowsThatItsOwnerSees) {
  Run("CREATE TABLE $S.secret (id bigint); INSERT INTO $S.secret VALUES (1), (2);"
      "ALTER TABLE $S.secret ENABLE ROW LEVEL SECURITY;"
      "CREATE POLICY own ON $S.secret USING (id = 1);"
      "GRANT USAGE, CREATE ON SCHEMA $S TO $R_reader; GRANT SELECT ON $S.secret, $S.t TO $R_reader;"
      "CREATE MATERIALIZED VIEW $S.seen AS SELECT id FROM $S.t JOIN $S.secret USING (id);"
      "ALTER MATERIALIZED VIEW $S.seen OWNER TO $R_reader");
  ASSERT_OK(ChangeTable({"id"}, "ALTER TABLE $S.t ALTER id TYPE bigint"));
  EXPECT_EQ(Value("SELECT string_agg(id::text, ' ') FROM $S.seen"), "1");
}

TEST_F(DependentsTest, DropsOnlyViewsThatReadTheColumn) {
  const std::string v = Value("SELECT '$S.v'::regclass::oid");
  ASSERT_OK(ChangeTable({"amount"}, "ALTER TABLE $S.t ALTER amount TYPE text"));
  EXPECT_EQ(chosen_, (std::vector<std::string>{"amounts", "top"}));
  EXPECT_EQ(Value("SELECT '$S.v'::regclass::oid"), v);
  EXPECT_EQ(Value("SELECT pg_typeof(amount) FROM $S.top LIMIT 1"), "text");
}

TEST_F(DependentsTest, ViewThatCannotBeRestoredIsNamed) {
  const std::string before = Dump();
  const absl::Status status = ChangeTable({"amount"}, "ALTER TABLE $S.t DROP amount");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"));
  EXPECT_TRUE(absl::StrContains(status.message(), "amounts")) << status;
  EXPECT_EQ(Dump(), before);
}

TEST_F(DependentsTest, ViewWithDependentsIsRefused) {
  Run("CREATE FUNCTION $S.g() RETURNS SETOF $S.amounts LANGUAGE sql AS 'SELECT * FROM $S.amounts'");
  const absl::Status status = ChangeTable({"amount"}, "ALTER TABLE $S.t ALTER amount TYPE text");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, "DEPENDENT_OBJECTS"));
  EXPECT_TRUE(absl::StrContains(status.message(), "amounts")) << status;
}

TEST_F(DependentsTest, MissingTableIsNotFound) {
  EXPECT_THAT(database().Transact([&](Transaction& transaction) {
    return postgres::CaptureDependents(transaction, Name("none")).status();
  }),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace syncline

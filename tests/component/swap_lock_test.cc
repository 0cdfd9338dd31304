// What other sessions notice of a swap, and what is done after it so that they notice no more.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/swap/replaced_tables.h"
#include "server/postgres/swap/swap.h"
#include "tests/component/swap_fixture.h"
#include "tests/support/own_cluster.h"
#include "tests/support/status_matchers.h"

namespace syncline {
namespace {

using postgres::Connection;
using testing::StatusIs;

constexpr char kReplacedTables[] =
    "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = '$S'::regnamespace AND "
    "relname LIKE '%\\_syncline\\_old\\_%'";

class SwapLockTest : public testing::SwapFixture {
 protected:
  // Lets each attempt and each follow-up end soon.
  static postgres::SwapOptions Impatient(int keep_generations = 0) {
    return {.locks = {.timeout = absl::Milliseconds(50), .deadline = absl::Milliseconds(400)},
            .keep_generations = keep_generations};
  }

  std::unique_ptr<Connection> Hold(absl::string_view sql) {
    std::unique_ptr<Connection> session = Connect();
    EXPECT_OK(
        session->Execute(absl::StrCat("SET application_name = 'a report'; BEGIN; ", Expand(sql))));
    return session;
  }

  // `t` refers to `parent`, which has ids 0 to 99.
  void MakeParent() {
    MakeTable("t", 10, 1);
    MakeTable("t_new", 20, 2);
    Run("CREATE TABLE $S.parent (id bigint PRIMARY KEY); INSERT INTO $S.parent SELECT "
        "generate_series(0, 99); ALTER TABLE $S.t ADD CONSTRAINT to_parent FOREIGN KEY (id) "
        "REFERENCES $S.parent; CREATE INDEX ix ON $S.t (id)");
  }

  absl::Status FinishAll() {
    return postgres::FinishReplaced(database(), Impatient().locks, std::nullopt);
  }
};

TEST_F(SwapLockTest, DeadlineErrorNamesTheBlocker) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("CREATE VIEW $S.v AS SELECT id FROM $S.t");
  const auto reader = Hold("SELECT count(*) FROM $S.v");
  const absl::Status status = Swap(Impatient());
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, "SWAP_LOCKED"));
  EXPECT_THAT(std::string(status.message()),
              ::testing::AllOf(::testing::HasSubstr(".t for the swap within 400ms"),
                               ::testing::HasSubstr(".v: pid "),
                               ::testing::HasSubstr("(a report), transaction open for "),
                               ::testing::HasSubstr("; the loaded data is kept")));
  EXPECT_EQ(GetDetail(status).subject, Name("t").ToString());
}

// Dropping the old table needs a lock on the table to which it refers, so it waits.
TEST_F(SwapLockTest, ReaderOfAReferencedTableDoesNotStopTheSwap) {
  MakeParent();
  const auto reader = Hold("SELECT count(*) FROM $S.parent");
  ASSERT_OK(Swap(Impatient()));
  EXPECT_EQ(Count(), "20");
  EXPECT_EQ(Value(kReplacedTables), "1");
  Run("INSERT INTO $S.parent VALUES (100)");
  ASSERT_OK(reader->Commit());
  ASSERT_OK(FinishAll());
  EXPECT_EQ(Value(kReplacedTables), "0");
  EXPECT_EQ(Value("SELECT string_agg(conname, ',') FROM pg_constraint WHERE confrelid = "
                  "'$S.parent'::regclass"),
            "to_parent");
}

TEST_F(SwapLockTest, ReplacedTableHoldsNoRowsBack) {
  MakeParent();
  Run("CREATE FUNCTION $S.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; "
      "END'; CREATE TRIGGER tr BEFORE TRUNCATE ON $S.t FOR EACH STATEMENT EXECUTE FUNCTION $S.f();"
      "DELETE FROM $S.t_new WHERE id = 5");
  const auto reader = Hold("SELECT count(*) FROM $S.parent");
  ASSERT_OK(Swap(Impatient()));
  EXPECT_EQ(Value(kReplacedTables), "1");
  Run("DELETE FROM $S.parent WHERE id = 5");
  ASSERT_OK(reader->Commit());
}

TEST_F(SwapLockTest, NextSwapFinishesThePreviousOne) {
  MakeParent();
  const auto reader = Hold("SELECT count(*) FROM $S.parent");
  ASSERT_OK(Swap(Impatient()));
  ASSERT_OK(reader->Commit());
  MakeTable("t_new", 30, 3);
  ASSERT_OK(Swap(Impatient()));
  EXPECT_EQ(Count(), "30");
  EXPECT_EQ(Value(kReplacedTables), "0");
}

TEST_F(SwapLockTest, KeptTableLosesItsForeignKeysAfterTheSwap) {
  MakeParent();
  const auto reader = Hold("SELECT count(*) FROM $S.parent");
  ASSERT_OK(Swap(Impatient(/*keep_generations=*/1)));
  EXPECT_EQ(Count("t_syncline_old_1"), "10");
  const std::string keys =
      "SELECT count(*) FROM pg_constraint WHERE confrelid = '$S.parent'::regclass";
  EXPECT_EQ(Value(keys), "2");
  ASSERT_OK(reader->Commit());
  ASSERT_OK(FinishAll());
  EXPECT_EQ(Value(keys), "1");
  EXPECT_EQ(Count("t_syncline_old_1"), "10");
}

TEST_F(SwapLockTest, IncomingForeignKeyIsValidatedAfterTheSwap) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("ALTER TABLE $S.t ADD PRIMARY KEY (id); CREATE TABLE $S.ref (id bigint CONSTRAINT ref_fk "
      "REFERENCES $S.t); INSERT INTO $S.ref SELECT generate_series(1, 10)");
  // While the swap is in progress, the constraint is not validated, so that this row is accepted.
  const auto add_row = [&](postgres::Transaction&) {
    Run("INSERT INTO $S.ref VALUES (7)");
    return absl::OkStatus();
  };
  ASSERT_OK(Swap({}, add_row));
  EXPECT_EQ(Value("SELECT convalidated FROM pg_constraint WHERE conname = 'ref_fk'"), "t");
  EXPECT_EQ(Value(kReplacedTables), "0");
}

// A row that the old table allowed was written after the check.
TEST_F(SwapLockTest, ForeignKeyThatIsViolatedByThenStaysNotValid) {
  MakeTable("t", 30, 1);
  MakeTable("t_new", 20, 2);
  Run("ALTER TABLE $S.t ADD PRIMARY KEY (id); CREATE TABLE $S.ref (id bigint CONSTRAINT ref_fk "
      "REFERENCES $S.t)");
  const auto add_row = [&](postgres::Transaction&) {
    Run("INSERT INTO $S.ref VALUES (25)");
    return absl::OkStatus();
  };
  ASSERT_OK(Swap({}, add_row));
  EXPECT_EQ(Value("SELECT convalidated FROM pg_constraint WHERE conname = 'ref_fk'"), "f");
  EXPECT_EQ(Value(kReplacedTables), "0");
  // The constraint is in force for new rows.
  const auto session = Connect();
  EXPECT_FALSE(session->Execute(Expand("INSERT INTO $S.ref VALUES (26)")).ok());
}

TEST_F(SwapLockTest, KeptTableRecordsUnvalidatedKeysUntilTheyAreValidated) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  Run("ALTER TABLE $S.t ADD PRIMARY KEY (id); CREATE TABLE $S.\"a \"\"ref\" (id bigint CONSTRAINT "
      "ref_fk REFERENCES $S.t)");
  ASSERT_OK(Swap(Impatient(/*keep_generations=*/2)));
  EXPECT_EQ(Value("SELECT convalidated FROM pg_constraint WHERE conname = 'ref_fk'"), "t");
  EXPECT_EQ(Value("SELECT strpos(obj_description('$S.t_syncline_old_1'::regclass, 'pg_class'), "
                  "E'\\n')"),
            "0");
}

// A kept table that is being read is dropped later.
TEST_F(SwapLockTest, ReaderOfAKeptTableDoesNotFailTheSwap) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  ASSERT_OK(Swap(Impatient(/*keep_generations=*/1)));
  const auto reader = Hold("SELECT count(*) FROM $S.t_syncline_old_1");
  MakeTable("t_new", 30, 3);
  ASSERT_OK(Swap(Impatient()));
  EXPECT_EQ(Value(kReplacedTables), "1");
  ASSERT_OK(reader->Commit());
  MakeTable("t_new", 40, 4);
  ASSERT_OK(Swap(Impatient()));
  EXPECT_EQ(Value(kReplacedTables), "0");
}

// The preparation takes longer than the deadline, and the table is free half of the time.
TEST_F(SwapLockTest, PreparationDoesNotCountAgainstTheDeadline) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 10, 2);
  Run("CREATE FUNCTION $S.slow(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM "
      "pg_catalog.pg_sleep(0.1); RETURN $1; END'; CREATE INDEX slow ON $S.t ($S.slow(id))");
  std::unique_ptr<Connection> reader;
  std::future<void> released;
  const auto start_reading = [&](postgres::Transaction&) {
    if (reader != nullptr) return absl::OkStatus();
    reader = Hold("SELECT count(*) FROM $S.t");
    released = std::async(std::launch::async, [&] {
      absl::SleepFor(absl::Milliseconds(300));
      EXPECT_OK(reader->Commit());
    });
    return absl::OkStatus();
  };
  EXPECT_OK(
      Swap({.locks = {.timeout = absl::Milliseconds(50), .deadline = absl::Milliseconds(900)}},
           start_reading));
  EXPECT_GT(stats_.retries, 0);
  released.get();
}

// The query of the view takes 2 s for the new rows.
TEST_F(SwapLockTest, MaterializedViewsAreFilledBeforeReadersWait) {
  MakeTable("t", 1, 1);
  MakeTable("t_new", 20, 2);
  MakeRole("_analyst");
  Run("GRANT USAGE, CREATE ON SCHEMA $S TO $R_analyst; GRANT SELECT ON $S.t TO $R_analyst;"
      "CREATE MATERIALIZED VIEW $S.m AS SELECT id, pg_sleep(0.1) IS NULL AS slow FROM $S.t;"
      "CREATE UNIQUE INDEX ON $S.m (id); COMMENT ON MATERIALIZED VIEW $S.m IS 'slow';"
      "CREATE MATERIALIZED VIEW $S.\"M 2\" AS SELECT count(*) AS n FROM $S.m;"
      "ALTER MATERIALIZED VIEW $S.m OWNER TO $R_analyst; CREATE VIEW $S.v AS SELECT * FROM $S.m;"
      "CREATE MATERIALIZED VIEW $S.mixed AS SELECT v.id FROM $S.v JOIN $S.t USING (id)");
  const std::string before = Dump();
  const std::unique_ptr<Connection> reader = Connect();
  ASSERT_OK(reader->Execute("SET statement_timeout = '800ms'"));
  auto swapped = std::async(std::launch::async, [&] { return Swap(); });
  while (swapped.wait_for(std::chrono::milliseconds(5)) == std::future_status::timeout) {
    ASSERT_OK(reader->Execute(Expand("SELECT count(*) FROM $S.t; SELECT count(*) FROM $S.m")));
  }
  ASSERT_OK(swapped.get());
  EXPECT_EQ(Dump(), before);
  EXPECT_EQ(Count("m"), "20");
  EXPECT_EQ(Count("v"), "20");
  EXPECT_EQ(Value("SELECT n FROM $S.\"M 2\""), "20");
  EXPECT_EQ(Count("mixed"), "20");
  EXPECT_EQ(Value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '\\_syncline\\_build%'"),
            "0");
}

// The rows are copied in the swap's own transaction, as when a table is renewed.
TEST_F(SwapLockTest, RowsOfTheLedgerStepAreCheckedAndFilled) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 0, 1);
  Run("ALTER TABLE $S.t ADD PRIMARY KEY (id); CREATE TABLE $S.ref (id bigint CONSTRAINT ref_fk "
      "REFERENCES $S.t); INSERT INTO $S.ref VALUES (7); CREATE MATERIALIZED VIEW $S.m AS SELECT id "
      "FROM $S.t");
  ASSERT_OK(Swap({.loaded = false}, [&](postgres::Transaction& transaction) {
    return transaction.Execute(Expand("INSERT INTO $S.t_new SELECT * FROM $S.t"));
  }));
  EXPECT_EQ(Count("m"), "10");
  EXPECT_EQ(Value("SELECT convalidated FROM pg_constraint WHERE conname = 'ref_fk'"), "t");
}

// The loaded table has no policies yet, so the view is filled when it has, also if the names are
// found with the default search path.
TEST_F(SwapLockTest, PoliciesHoldForFilledMaterializedViews) {
  const std::string database = Value("SELECT current_database()");
  Run(absl::StrCat("ALTER DATABASE ", database, " SET search_path = $S"));
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  MakeRole("_analyst");
  Run("GRANT USAGE, CREATE ON SCHEMA $S TO $R_analyst; GRANT SELECT ON $S.t TO $R_analyst;"
      "ALTER TABLE $S.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON $S.t TO $R_analyst USING "
      "(id <= 3); CREATE MATERIALIZED VIEW $S.m AS SELECT id FROM $S.t;"
      "ALTER MATERIALIZED VIEW $S.m OWNER TO $R_analyst");
  const absl::Status swapped = Swap();
  Run(absl::StrCat("ALTER DATABASE ", database, " RESET search_path"));
  ASSERT_OK(swapped);
  EXPECT_EQ(Count("m"), "3");
}

class StandbySwapTest : public testing::WithOwnCluster<testing::SwapFixture> {
 protected:
  void Require(const std::string& standby) {
    Execute(absl::StrCat("ALTER SYSTEM SET synchronous_standby_names = '", standby, "'"));
    Execute("SELECT pg_reload_conf()");
    while (QueryValue("SHOW synchronous_standby_names") != standby) continue;
  }

  // The checkpointer makes commits wait, some time after the sessions have read the setting.
  void WaitUntilCommitsWait() {
    const std::unique_ptr<Connection> probe = Connect();
    while (true) {
      auto committed = std::async(std::launch::async, [&] {
        return probe->Execute("SELECT pg_logical_emit_message(true, 'probe', '')");
      });
      while (committed.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
        if (CountWaitingCommits() == 0) continue;
        Execute(absl::StrCat("SELECT pg_cancel_backend(pid)", kWaitingCommits));
        committed.wait();
        return;
      }
    }
  }

  int64_t CountWaitingCommits() {
    return QueryInt(absl::StrCat("SELECT count(*)", kWaitingCommits));
  }

  static constexpr char kWaitingCommits[] =
      " FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'";
};

// Readers do not wait for the standby; the caller does.
TEST_F(StandbySwapTest, AbsentStandbyKeepsNoReaderOut) {
  MakeTable("t", 10, 1);
  MakeTable("t_new", 20, 2);
  std::promise<void> required;  // until then the other thread uses the fixture's connection
  auto swapped = std::async(std::launch::async, [&] {
    return Swap({}, [&](postgres::Transaction&) {
      Require("absent");
      WaitUntilCommitsWait();
      required.set_value();
      return absl::OkStatus();
    });
  });
  required.get_future().wait();
  while (CountWaitingCommits() == 0) continue;
  const std::unique_ptr<Connection> reader = Connect();
  ASSERT_OK(reader->Execute("SET statement_timeout = '5s'"));
  const auto rows = reader->Query(absl::StrCat("SELECT count(*) FROM ", Table("t")), {});
  ASSERT_OK(rows.status());
  EXPECT_EQ(rows->Int(0, 0), 20);
  EXPECT_EQ(swapped.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  Require("");
  EXPECT_OK(swapped.get());
}

}  // namespace
}  // namespace syncline

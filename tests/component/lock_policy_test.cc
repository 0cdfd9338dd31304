// The attempts to take a lock: when they end, which sessions the error names, and what becomes of
// an autovacuum that holds the lock up.
#include "server/postgres/connection/lock_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/monotonic_time.h"
#include "server/postgres/connection/connection.h"
#include "tests/support/own_cluster.h"
#include "tests/support/postgres_fixture.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using ::syncline::testing::StatusIs;

class LockPolicyTest : public testing::PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    Execute(absl::StrCat("CREATE TABLE ", Table("a"), " (id int); CREATE TABLE ", Table("b"),
                         " (id int)"));
  }

  std::unique_ptr<Connection> Hold(absl::string_view table) {
    std::unique_ptr<Connection> session = Connect();
    EXPECT_OK(session->Execute(
        absl::StrCat("SET application_name = 'a report'; BEGIN; TABLE ", Table(table))));
    return session;
  }

  DdlStep Lock(absl::string_view table) const {
    return {.subject = std::string(table),
            .sql = absl::StrCat("LOCK TABLE ", Table(table), " IN ACCESS EXCLUSIVE MODE")};
  }
};

TEST_F(LockPolicyTest, LocksShareOneTimeout) {
  const auto reader = Hold("b");
  const LockPolicy policy = {.timeout = absl::Milliseconds(300)};
  const absl::Duration start = MonotonicNow();
  const absl::Status status = database().Transact([&](Transaction& transaction) {
    return TakeLocks(
        transaction, policy.timeout,
        {{.subject = "nothing", .sql = "SELECT pg_catalog.pg_sleep(0.25)"}, Lock("a"), Lock("b")});
  });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  EXPECT_LT(MonotonicNow() - start, absl::Milliseconds(500));
  // With the setting of the transaction instead of a policy.
  EXPECT_THAT(database().Transact(
                  [&](Transaction& transaction) {
                    return TakeLocks(transaction, {Lock("a"), Lock("b")});
                  },
                  {.lock_timeout = absl::Milliseconds(50)}),
              StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
}

TEST_F(LockPolicyTest, NothingIsHeldBetweenAttempts) {
  const auto reader = Hold("b");
  int pauses = 0;
  LockPolicy policy = {.timeout = absl::Milliseconds(50), .deadline = absl::Seconds(20)};
  policy.wait = [&](absl::Duration) {
    const auto other = Connect();
    EXPECT_OK(other->Execute(absl::StrCat("SET lock_timeout = '1s'; BEGIN; LOCK TABLE ", Table("a"),
                                          " IN EXCLUSIVE MODE; COMMIT")));
    ++pauses;
    if (pauses == 3) {
      EXPECT_OK(reader->Commit());
    }
    return true;
  };
  const TableLocks locks = {.tables = {{schema(), "a"}, {schema(), "b"}},
                            .need = LockNeed::kReaders};
  EXPECT_OK(TransactUnderPolicy(database(), policy, locks, [&](Transaction& transaction) {
    return TakeLocks(transaction, policy.timeout, {Lock("a"), Lock("b")});
  }));
  EXPECT_EQ(pauses, 3);
}

TEST_F(LockPolicyTest, DeadlineCountsFromTheFirstAttemptAndNamesBlockers) {
  const auto reader = Hold("b");
  const LockPolicy policy = {.timeout = absl::Milliseconds(50),
                             .deadline = absl::Milliseconds(500)};
  const TableLocks locks = {.tables = {{schema(), "b"}}, .need = LockNeed::kReaders};
  absl::Duration start;
  const absl::Status status =
      TransactUnderPolicy(database(), policy, locks, [&](Transaction& transaction) -> absl::Status {
        // Work before the lock does not count.
        if (start == absl::ZeroDuration()) {
          SYNCLINE_RETURN_IF_ERROR(transaction.Execute("SELECT pg_catalog.pg_sleep(0.6)"));
          start = MonotonicNow();
        }
        return TakeLocks(transaction, policy.timeout, {Lock("b")});
      });
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, "LOCK_NOT_AVAILABLE"));
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr("(a report)"));
  EXPECT_GT(MonotonicNow() - start, absl::Milliseconds(200));
  EXPECT_LT(MonotonicNow() - start, absl::Seconds(2));
}

TEST_F(LockPolicyTest, StoppingServerEndsTheAttempts) {
  const auto reader = Hold("b");
  LockPolicy policy = {.timeout = absl::Milliseconds(50)};
  policy.wait = [](absl::Duration) { return false; };
  const TableLocks locks = {.tables = {{schema(), "b"}}, .need = LockNeed::kReaders};
  EXPECT_THAT(TransactUnderPolicy(database(), policy, locks,
                                  [&](Transaction& transaction) {
                                    return TakeLocks(transaction, policy.timeout, {Lock("b")});
                                  }),
              StatusIs(absl::StatusCode::kUnavailable, "DRAINING"));
}

TEST_F(LockPolicyTest, ReferencedTablesCount) {
  Execute(absl::StrCat("ALTER TABLE ", Table("b"), " ADD PRIMARY KEY (id); ALTER TABLE ",
                       Table("a"), " ADD FOREIGN KEY (id) REFERENCES ", Table("b")));
  const auto reader = Hold("b");
  const auto blockers = [&](LockNeed need) {
    size_t found = 0;
    EXPECT_OK(database().Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(const std::vector<Blocker> all,
                                FindBlockers(transaction, {{schema(), "a"}}, need));
      found = all.size();
      return absl::OkStatus();
    }));
    return found;
  };
  EXPECT_EQ(blockers(LockNeed::kReferenced), 1U);
  EXPECT_EQ(blockers(LockNeed::kReaders), 0U);
}

class AutovacuumTest : public testing::WithOwnCluster<testing::PostgresTest> {
 protected:
  testing::PostgresClusterOptions ClusterOptions() const override {
    return {.settings = {{"autovacuum_naptime", "1"}}};
  }

  void WaitForVacuum() {
    const std::string vacuums = absl::StrCat(
        "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = '", Table("t"), "'::regclass");
    while (QueryInt(vacuums) == 0) continue;
  }
};

// The vacuum may go on for half of the deadline; then PostgreSQL cancels it.
TEST_F(AutovacuumTest, IsCancelledAfterHalfOfTheDeadline) {
  Execute(absl::StrCat("CREATE TABLE ", Table("t"),
                       " (id int, filler text) WITH (autovacuum_vacuum_cost_delay = 100, "
                       "autovacuum_vacuum_cost_limit = 1, autovacuum_vacuum_threshold = 1, "
                       "autovacuum_vacuum_scale_factor = 0); INSERT INTO ",
                       Table("t"),
                       " SELECT i, repeat('x', 500) FROM generate_series(1, 20000) i; "
                       "DELETE FROM ",
                       Table("t"), " WHERE id % 2 = 0"));
  WaitForVacuum();
  const LockPolicy policy = {.timeout = absl::Milliseconds(50), .deadline = absl::Seconds(4)};
  const absl::Duration start = MonotonicNow();
  EXPECT_OK(TransactUnderPolicy(
      database(), policy, {.tables = {{schema(), "t"}}, .need = LockNeed::kWriters},
      [&](Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(LimitLockWaits(transaction, policy));
        return transaction.Execute(absl::StrCat("LOCK TABLE ", Table("t"), " IN EXCLUSIVE MODE"));
      }));
  EXPECT_GT(MonotonicNow() - start, absl::Milliseconds(1500));
  EXPECT_LT(MonotonicNow() - start, absl::Seconds(6));
}

}  // namespace
}  // namespace syncline::postgres

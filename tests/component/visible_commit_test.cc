// Transactions that do not wait for PostgreSQL to unlink files. A proxy withholds the reply to the
// COMMIT, as unlinking does.
#include <signal.h>

#include <atomic>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/interruption.h"
#include "base/status_macros.h"
#include "base/thread.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/sqlstate.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

namespace syncline::postgres {
namespace {

using testing::StatusIs;

class VisibleCommitTest : public ::testing::Test {
 protected:
  static constexpr TransactOptions kUntilVisible = {.wait_for_standby = false,
                                                    .wait_for_unlinking = false};

  // Connects through a proxy, with at most `connections` connections.
  void Connect(int connections) {
    ASSERT_OK_AND_ASSIGN(cluster_, testing::PostgresCluster::Create());
    ASSERT_OK_AND_ASSIGN(proxy_, testing::FaultProxy::Start(cluster_->port()));
    const DatabaseOptions direct = {.conninfo = cluster_->dsn()};
    ASSERT_OK_AND_ASSIGN(direct_, Database::Create(direct));
    const DatabaseOptions proxied = {
        .conninfo = absl::StrCat(cluster_->tcp_dsn(), " port=", proxy_->port()),
        .max_connections = connections};
    ASSERT_OK_AND_ASSIGN(proxied_, Database::Create(proxied));
    ASSERT_OK(direct_->Transact([](Transaction& transaction) {
      return transaction.Execute("CREATE TABLE public.t (id int)");
    }));
  }

  int64_t Rows() {
    int64_t rows = -1;
    EXPECT_OK(direct_->Transact([&](Transaction& transaction) -> absl::Status {
      SYNCLINE_ASSIGN_OR_RETURN(const Result result,
                                transaction.Query("SELECT count(*) FROM public.t"));
      rows = result.Int(0, 0);
      return absl::OkStatus();
    }));
    return rows;
  }

  // Inserts a row. The reply to the COMMIT is withheld until the proxy heals.
  absl::Status InsertWithoutReply(const TransactOptions& options) {
    return proxied_->Transact(
        [&](Transaction& transaction) -> absl::Status {
          SYNCLINE_RETURN_IF_ERROR(transaction.Execute("INSERT INTO public.t VALUES (1)"));
          SYNCLINE_ASSIGN_OR_RETURN(const Result port,
                                    transaction.Query("SELECT inet_client_port()"));
          proxy_->WithholdReplies(static_cast<int>(port.Int(0, 0)));
          return absl::OkStatus();
        },
        options);
  }

  // Makes COMMIT take 50 ms, and refuse rows whose id is not 1.
  void CreateSlowTrigger() {
    ASSERT_OK(direct_->Transact([](Transaction& transaction) {
      return transaction.Execute(
          "CREATE FUNCTION public.check_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
          " PERFORM pg_sleep(0.05);"
          " IF NEW.id > 1 THEN RAISE check_violation; END IF; RETURN NULL; END $$;"
          "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON public.t DEFERRABLE INITIALLY DEFERRED"
          " FOR EACH ROW EXECUTE FUNCTION public.check_row()");
    }));
  }

  // Expects that InsertWithoutReply does not return before the proxy heals.
  void ExpectWaits(const TransactOptions& options) {
    std::atomic<bool> returned = false;
    {
      const Thread inserter("inserter", [&] {
        EXPECT_OK(InsertWithoutReply(options));
        returned = true;
      });
      while (Rows() == 0 && !returned) absl::SleepFor(absl::Milliseconds(1));
      absl::SleepFor(absl::Milliseconds(50));
      EXPECT_FALSE(returned);
      proxy_->Heal();
    }
    EXPECT_EQ(Rows(), 1);
  }

  std::unique_ptr<testing::PostgresCluster> cluster_;
  std::unique_ptr<testing::FaultProxy> proxy_;
  std::unique_ptr<Database> direct_;
  std::unique_ptr<Database> proxied_;
};

TEST_F(VisibleCommitTest, ReturnsBeforeTheReply) {
  Connect(/*connections=*/2);
  ASSERT_OK(InsertWithoutReply(kUntilVisible));
  EXPECT_EQ(Rows(), 1);
  EXPECT_EQ(proxied_->usage().open, 2);
  EXPECT_EQ(proxied_->usage().busy, 0);
  // The other session serves the next callers.
  ASSERT_OK(proxied_->Transact([](Transaction& transaction) {
    return transaction.Execute("INSERT INTO public.t VALUES (2)");
  }));
  EXPECT_EQ(Rows(), 2);
  // Both sessions serve when the reply has arrived.
  proxy_->Heal();
  ASSERT_OK(proxied_->Transact([&](Transaction&) { return proxied_->Ping(); }));
  EXPECT_EQ(proxied_->usage().open, 2);
  EXPECT_EQ(proxy_->accepted(), 2);
}

TEST_F(VisibleCommitTest, SessionWhoseReplyHasArrivedLooksNext) {
  Connect(/*connections=*/2);
  for (int row = 1; row <= 4; ++row) {
    ASSERT_OK(InsertWithoutReply(kUntilVisible)) << row;
    EXPECT_EQ(Rows(), row);
    proxy_->Heal();
  }
  EXPECT_EQ(proxy_->accepted(), 2);
}

TEST_F(VisibleCommitTest, SecondSessionThatCannotBeOpenedIsDoneWithout) {
  Connect(/*connections=*/2);
  ASSERT_OK(proxied_->Ping());
  proxy_->RefuseNew(true);
  ExpectWaits(kUntilVisible);
}

TEST_F(VisibleCommitTest, OthersGetAnotherSession) {
  Connect(/*connections=*/3);
  ASSERT_OK(InsertWithoutReply(kUntilVisible));
  ASSERT_OK(proxied_->Transact([&](Transaction&) { return proxied_->Ping(); }));
  EXPECT_EQ(proxied_->usage().open, 3);
}

TEST_F(VisibleCommitTest, OthersWaitForASessionUntilItsReply) {
  Connect(/*connections=*/2);
  ASSERT_OK(InsertWithoutReply(kUntilVisible));
  std::unique_ptr<Thread> healer;
  ASSERT_OK(proxied_->Transact([&](Transaction&) {
    const auto interruption = std::make_shared<Interruption>();
    {
      const Interruption::Scope scope(interruption);
      const Thread interrupter("interrupter", [&] {
        absl::SleepFor(absl::Milliseconds(30));
        interruption->Interrupt(absl::CancelledError("enough"));
      });
      EXPECT_THAT(proxied_->Ping(), StatusIs(absl::StatusCode::kCancelled));
    }
    healer = std::make_unique<Thread>("healer", [&] {
      absl::SleepFor(absl::Milliseconds(30));
      proxy_->Heal();
    });
    return proxied_->Ping();
  }));
  EXPECT_EQ(proxied_->usage().open, 2);
}

TEST_F(VisibleCommitTest, DatabaseCanBeClosedBeforeTheReply) {
  Connect(/*connections=*/2);
  ASSERT_OK(InsertWithoutReply(kUntilVisible));
  proxied_.reset();
  EXPECT_EQ(Rows(), 1);
}

// A network may drop a connection that is idle for long, without a word.
TEST_F(VisibleCommitTest, SecondSessionThatDoesNotAnswerIsNotWaitedFor) {
  Connect(/*connections=*/2);
  CreateSlowTrigger();
  pid_t silent = 0;
  ASSERT_OK(proxied_->Transact(
      [&](Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(proxied_->Transact([&](Transaction& inner) -> absl::Status {
          SYNCLINE_ASSIGN_OR_RETURN(const Result pid, inner.Query("SELECT pg_backend_pid()"));
          silent = static_cast<pid_t>(pid.Int(0, 0));
          return absl::OkStatus();
        }));
        // A process of this test's own cluster.
        EXPECT_EQ(kill(silent, SIGSTOP), 0);
        return transaction.Execute("INSERT INTO public.t VALUES (1)");
      },
      kUntilVisible));
  EXPECT_EQ(Rows(), 1);
  EXPECT_EQ(kill(silent, SIGCONT), 0);
  ASSERT_OK(proxied_->Transact([&](Transaction&) { return proxied_->Ping(); }));
  EXPECT_EQ(proxy_->accepted(), 2);
}

TEST_F(VisibleCommitTest, OthersWaitForTheReply) {
  Connect(/*connections=*/2);
  ExpectWaits({.wait_for_standby = false});
}

TEST_F(VisibleCommitTest, WithoutASecondSessionTheReplyIsWaitedFor) {
  Connect(/*connections=*/1);
  ExpectWaits(kUntilVisible);
}

TEST_F(VisibleCommitTest, LostSessionIsReplaced) {
  Connect(/*connections=*/2);
  ASSERT_OK(InsertWithoutReply(kUntilVisible));
  EXPECT_EQ(proxy_->Cut(), 2);
  proxy_->Heal();
  ASSERT_OK(proxied_->Transact([&](Transaction&) { return proxied_->Ping(); }));
  EXPECT_EQ(proxied_->usage().open, 2);
  EXPECT_EQ(Rows(), 1);
}

// Its COMMIT takes longer than the first look of another session.
TEST_F(VisibleCommitTest, SlowCommitIsWaitedFor) {
  Connect(/*connections=*/2);
  CreateSlowTrigger();
  const auto insert = [&](int id) {
    return proxied_->Transact(
        [&](Transaction& transaction) {
          return transaction.Execute(absl::StrCat("INSERT INTO public.t VALUES (", id, ")"));
        },
        kUntilVisible);
  };
  ASSERT_OK(insert(1));
  EXPECT_EQ(Rows(), 1);
  const absl::Status refused = insert(2);
  EXPECT_EQ(GetSqlState(refused), "23514") << refused;
  EXPECT_EQ(Rows(), 1);
  EXPECT_OK(proxied_->Ping());
}

TEST_F(VisibleCommitTest, CommitOfALostSessionIsUnknown) {
  Connect(/*connections=*/2);
  EXPECT_THAT(proxied_->Transact(
                  [&](Transaction& transaction) {
                    const absl::Status status =
                        transaction.Execute("INSERT INTO public.t VALUES (1)");
                    proxy_->Cut();
                    return status;
                  },
                  kUntilVisible),
              StatusIs(absl::StatusCode::kUnavailable, "COMMIT_UNKNOWN"));
  EXPECT_EQ(Rows(), 0);
  EXPECT_OK(proxied_->Ping());
}

}  // namespace
}  // namespace syncline::postgres

// Faults while small blocks of several callers are committed together: the server or the database
// is killed, sessions end, or all calls are cut off, in every phase of such a commit. Every record
// is stored once, and no acknowledged one is lost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/thread.h"
#include "tests/e2e/fault_fixture.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/own_cluster.h"

namespace syncline::testing {
namespace {

constexpr int kCallers = 10;
constexpr int64_t kRecords = 400;  // per caller
constexpr absl::Duration kGiveUp = absl::Seconds(90);
constexpr int kKilled = 128 + SIGKILL;

enum class Fault {
  kServerKilled,
  kDatabaseStopped,
  kPostmasterKilled,
  kSessionsEnded,
  kCallersCut
};

struct GroupFault {
  const char* name;
  const char* failpoint;
  Fault fault;
};

class GroupFaultTest : public WithOwnCluster<FaultTest>,
                       public ::testing::WithParamInterface<GroupFault> {
 protected:
  void Strike(ServerProcess& server, FaultProxy& callers_link) {
    switch (GetParam().fault) {
      case Fault::kServerKilled:
        EXPECT_EQ(server.Wait(kPatience), kKilled);
        ASSERT_OK(server.Restart());
        return;
      case Fault::kDatabaseStopped:
        cluster_->Stop(PostgresCluster::StopMode::kImmediate);
        ASSERT_OK(cluster_->Start());
        break;
      case Fault::kPostmasterKilled:
        cluster_->KillPostmaster();
        ASSERT_OK(cluster_->Start());
        break;
      case Fault::kSessionsEnded:
        EXPECT_OK(Connect()->Execute(
            absl::StrCat("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE "
                         "application_name = '",
                         kFaultApplication, "'")));
        break;
      case Fault::kCallersCut:
        EXPECT_GT(callers_link.Cut(), 0);
        absl::SleepFor(absl::Milliseconds(200));  // the server ends the calls meanwhile
        break;
    }
    server.Disarm();
  }
};

TEST_P(GroupFaultTest, EveryRecordOnce) {
  const auto server = StartFaultServer();
  ASSERT_NE(server, nullptr);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<FaultProxy> link,
                       FaultProxy::Start(server->grpc_port()));
  const bool kills = GetParam().fault == Fault::kServerKilled;
  // Not the first one, so that callers have records that are acknowledged.
  server->Arm(GetParam().failpoint, kills ? FailpointAction::kKill : FailpointAction::kPause,
              /*hit=*/3);
  std::vector<std::unique_ptr<DeliveryHistory>> histories;
  std::vector<std::unique_ptr<PersistentCaller>> callers;
  for (int i = 0; i < kCallers; ++i) {
    histories.push_back(std::make_unique<DeliveryHistory>(
        Stream(absl::StrCat("rows_", i), DeliveryMode::kAppend, kRecords)));
    callers.push_back(
        std::make_unique<PersistentCaller>(PersistentCallerOptions{.servers = {link->address()},
                                                                   .seed = static_cast<uint64_t>(i),
                                                                   .max_batch_records = 3,
                                                                   .append = true},
                                           histories.back().get()));
  }
  std::vector<absl::Status> ends(kCallers);
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (size_t i = 0; i < callers.size(); ++i) {
      threads.push_back(std::make_unique<Thread>(
          "caller", [&ends, &callers, i] { ends[i] = callers[i]->Run(kGiveUp); }));
    }
    EXPECT_TRUE(server->WaitForFailpoint(kPatience)) << "no blocks were committed together";
    Strike(*server, *link);
  }
  for (size_t i = 0; i < callers.size(); ++i) {
    EXPECT_OK(ends[i]);
    EXPECT_OK(callers[i]->WatchFromBeginning());
    ExpectKept({histories[i].get()});
  }
  ExpectDiscreet(*server);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, GroupFaultTest,
    ::testing::Values(
        GroupFault{"ServerKilledBeforeTheStatements", failpoint::kGroupTaken, Fault::kServerKilled},
        GroupFault{"ServerKilledBeforeTheAnswers", failpoint::kGroupSent, Fault::kServerKilled},
        GroupFault{"ServerKilledAfterTheCommit", failpoint::kGroupCommitted, Fault::kServerKilled},
        GroupFault{"DatabaseStoppedBeforeTheStatements", failpoint::kGroupTaken,
                   Fault::kDatabaseStopped},
        GroupFault{"DatabaseStoppedBeforeTheAnswers", failpoint::kGroupSent,
                   Fault::kDatabaseStopped},
        GroupFault{"DatabaseStoppedAfterTheCommit", failpoint::kGroupCommitted,
                   Fault::kDatabaseStopped},
        GroupFault{"PostmasterKilledBeforeTheAnswers", failpoint::kGroupSent,
                   Fault::kPostmasterKilled},
        GroupFault{"CallersCutBeforeTheStatements", failpoint::kGroupTaken, Fault::kCallersCut},
        GroupFault{"CallersCutBeforeTheAnswers", failpoint::kGroupSent, Fault::kCallersCut},
        GroupFault{"CallersCutAfterTheCommit", failpoint::kGroupCommitted, Fault::kCallersCut},
        GroupFault{"SessionsEndedBeforeTheStatements", failpoint::kGroupTaken,
                   Fault::kSessionsEnded},
        GroupFault{"SessionsEndedBeforeTheAnswers", failpoint::kGroupSent, Fault::kSessionsEnded}),
    [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace syncline::testing

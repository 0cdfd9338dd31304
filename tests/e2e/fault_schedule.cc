#include "tests/e2e/fault_schedule.h"

#include <signal.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"
#include "base/status_macros.h"
#include "tests/e2e/fault_fixture.h"

namespace syncline::testing {
namespace {

constexpr const char* kFailpoints[] = {
    failpoint::kDecode,         failpoint::kCopySent,  failpoint::kCopied,
    failpoint::kBeforeCommit,   failpoint::kCommitted, failpoint::kMerged,
    failpoint::kMergeCommitted, failpoint::kSwapped,   failpoint::kSwapCommitted};
// The failpoints from this index on are reached once per stream, at its end.
constexpr int64_t kFirstThatPublishes = 5;

}  // namespace

FaultSchedule::FaultSchedule(uint64_t seed, PostgresCluster* cluster,
                             std::array<FaultyReplica, 2>* replicas,
                             std::function<std::unique_ptr<postgres::Connection>()> session,
                             std::string reader_table)
    : random_(seed),
      cluster_(cluster),
      replicas_(replicas),
      session_(std::move(session)),
      reader_table_(std::move(reader_table)) {}

int64_t FaultSchedule::Pick(int64_t from, int64_t to) {
  return std::uniform_int_distribution<int64_t>(from, to)(random_);
}

absl::Status FaultSchedule::Strike() {
  static constexpr Fault kFaults[] = {&FaultSchedule::StrikeAtFailpoint,
                                      &FaultSchedule::StrikeAtFailpoint,
                                      &FaultSchedule::StrikeAtFailpoint,
                                      &FaultSchedule::Kill,
                                      &FaultSchedule::Drain,
                                      &FaultSchedule::Stop,
                                      &FaultSchedule::RestartDatabase,
                                      &FaultSchedule::EndSessions,
                                      &FaultSchedule::CutLink,
                                      &FaultSchedule::SilenceLink,
                                      &FaultSchedule::SilenceLink,
                                      &FaultSchedule::RefuseDatabase,
                                      &FaultSchedule::LockOutSwaps};
  absl::SleepFor(PickTime(20, 300));
  which_ = static_cast<size_t>(Pick(0, 1));
  const auto fault = static_cast<size_t>(Pick(0, std::ssize(kFaults) - 1));
  return (this->*kFaults[fault])();
}

absl::Status FaultSchedule::StrikeAtFailpoint() {
  constexpr FailpointAction kActions[] = {FailpointAction::kKill, FailpointAction::kStop,
                                          FailpointAction::kPause};
  const int64_t which = Pick(0, std::ssize(kFailpoints) - 1);
  const char* const point = kFailpoints[which];
  const bool publishes = which >= kFirstThatPublishes;
  const FailpointAction action = kActions[Pick(0, std::ssize(kActions) - 1)];
  const int64_t hit = publishes ? 1 : Pick(1, 3);
  for (FaultyReplica& replica : *replicas_) replica.server->Arm(point, action, hit);
  const bool reached = FindReached(PickTime(500, publishes ? 4000 : 1500));
  AddToStory(reached ? absl::StrCat("server ", which_, " is at ", point)
                     : absl::StrCat("no server reaches ", point));
  const absl::Status status = reached ? MeetAtFailpoint(action) : absl::OkStatus();
  for (FaultyReplica& replica : *replicas_) {
    replica.server->Disarm();
    // The other server may have reached it, too.
    replica.server->Signal(SIGCONT);
  }
  SYNCLINE_RETURN_IF_ERROR(status);
  for (FaultyReplica& replica : *replicas_) {
    const bool killed = action == FailpointAction::kKill &&
                        replica.server->WaitForFailpoint(absl::Milliseconds(20));
    // The server may take a moment to exit.
    if (killed) replica.server->Wait(absl::Seconds(10));
    if (!replica.server->running()) SYNCLINE_RETURN_IF_ERROR(replica.server->Restart());
  }
  return absl::OkStatus();
}

bool FaultSchedule::FindReached(absl::Duration patience) {
  const absl::Time deadline = absl::Now() + patience;
  while (absl::Now() < deadline) {
    for (which_ = 0; which_ < replicas_->size(); ++which_) {
      if (Replica().server->WaitForFailpoint(absl::Milliseconds(5))) return true;
    }
  }
  which_ = 0;
  return false;
}

// Applies a fault to a server that is killed, stopped, or has a paused thread.
absl::Status FaultSchedule::MeetAtFailpoint(FailpointAction action) {
  switch (action) {
    case FailpointAction::kKill:
      story_.back() += " and is killed";
      return absl::OkStatus();
    case FailpointAction::kStop:
      story_.back() += " and is stopped";
      WaitForCallersElsewhere(PickTime(50, 2500));
      return absl::OkStatus();
    case FailpointAction::kPause:
    case FailpointAction::kFail:
      break;
  }
  constexpr Fault kMeanwhile[] = {&FaultSchedule::RestartDatabase, &FaultSchedule::EndSessions,
                                  &FaultSchedule::CutLink, &FaultSchedule::SilenceLink};
  return (this->*kMeanwhile[Pick(0, std::ssize(kMeanwhile) - 1)])();
}

absl::Status FaultSchedule::Kill() {
  AddToStory(absl::StrCat("server ", which_, " is killed"));
  Replica().server->Kill9();
  absl::SleepFor(PickTime(0, 500));
  return Replica().server->Restart();
}

absl::Status FaultSchedule::Drain() {
  Replica().server->Signal(SIGTERM);
  const std::optional<int> code = Replica().server->Wait(absl::Seconds(40));
  AddToStory(absl::StrCat("server ", which_, " is drained, code ", code.value_or(-1)));
  if (code != 0) return absl::InternalError(story_.back());
  return Replica().server->Restart();
}

absl::Status FaultSchedule::Stop() {
  const absl::Duration time = PickTime(100, 2000);
  AddToStory(absl::StrCat("server ", which_, " is stopped for ", absl::FormatDuration(time)));
  Replica().server->Signal(SIGSTOP);
  WaitForCallersElsewhere(time);
  Replica().server->Signal(SIGCONT);
  return absl::OkStatus();
}

void FaultSchedule::WaitForCallersElsewhere(absl::Duration time) {
  const bool leave = Pick(0, 3) > 0;
  if (leave) {
    story_.back() += ", its callers are disconnected";
    Replica().caller_link->RefuseNew(true);
    Replica().caller_link->Cut();
  }
  absl::SleepFor(time);
  if (leave) Replica().caller_link->Heal();
}

absl::Status FaultSchedule::RestartDatabase() {
  const bool at_once = Pick(0, 1) == 0;
  AddToStory(
      absl::StrCat("the database is stopped ", at_once ? "immediately" : "fast", " and started"));
  cluster_->Stop(at_once ? PostgresCluster::StopMode::kImmediate
                         : PostgresCluster::StopMode::kFast);
  absl::SleepFor(PickTime(0, 1000));
  return cluster_->Start();
}

absl::Status FaultSchedule::EndSessions() {
  AddToStory("every session of the servers is terminated");
  const auto session = session_();
  return session->Execute(
      absl::StrCat("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name "
                   "= '",
                   kFaultApplication, "'"));
}

absl::Status FaultSchedule::CutLink() {
  const bool database = Pick(0, 1) == 0;
  FaultProxy& link = database ? *Replica().database_link : *Replica().caller_link;
  const int cut = link.Cut();
  AddToStory(absl::StrCat(cut, " connections of server ", which_,
                          database ? " to the database" : "", " are cut"));
  return absl::OkStatus();
}

absl::Status FaultSchedule::SilenceLink() {
  const bool database = Pick(0, 1) == 0;
  const int64_t ways = Pick(0, 2);
  const bool cut = Pick(0, 1) == 0;
  const absl::Duration time = PickTime(100, 2000);
  AddToStory(absl::StrCat("the link of server ", which_,
                          database ? " to the database" : " to callers", " is silent for ",
                          absl::FormatDuration(time), ", ways ", ways, cut ? ", and cut" : ""));
  FaultProxy& link = database ? *Replica().database_link : *Replica().caller_link;
  if (ways != 1) link.Set(ProxyWay::kToClient, {.silent = true});
  if (ways != 0) link.Set(ProxyWay::kToServer, {.silent = true});
  absl::SleepFor(time);
  if (cut) link.Cut();
  link.Heal();
  return absl::OkStatus();
}

absl::Status FaultSchedule::RefuseDatabase() {
  const absl::Duration time = PickTime(100, 2000);
  AddToStory(absl::StrCat("server ", which_, " is rejected by its database for ",
                          absl::FormatDuration(time)));
  Replica().database_link->RefuseNew(true);
  Replica().database_link->Cut();
  absl::SleepFor(time);
  Replica().database_link->Heal();
  return absl::OkStatus();
}

absl::Status FaultSchedule::LockOutSwaps() {
  const absl::Duration time = PickTime(100, 1000);
  AddToStory(absl::StrCat("a reader holds ", reader_table_, " for ", absl::FormatDuration(time)));
  const auto session = session_();
  SYNCLINE_RETURN_IF_ERROR(session->Begin());
  SYNCLINE_RETURN_IF_ERROR(
      session->Query(absl::StrCat("SELECT count(*) FROM ", reader_table_), {}).status());
  absl::SleepFor(time);
  return session->Commit();
}

}  // namespace syncline::testing

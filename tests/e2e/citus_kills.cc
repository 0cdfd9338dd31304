#include "tests/e2e/citus_kills.h"

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/failpoint.h"

namespace syncline::testing {
namespace {

constexpr const char* kFailpoints[] = {
    failpoint::kCopySent,       failpoint::kCopied,  failpoint::kBeforeCommit, failpoint::kMerged,
    failpoint::kMergeCommitted, failpoint::kSwapped, failpoint::kSwapCommitted};
// The failpoints from this index on are reached once per stream, at its end.
constexpr int64_t kFirstThatPublishes = 3;

constexpr absl::Duration kPoll = absl::Milliseconds(2);

}  // namespace

CitusKills::CitusKills(uint64_t seed, CitusCluster* cluster, ServerProcess* server,
                       std::function<bool()> finalizing)
    : random_(seed), cluster_(cluster), server_(server), finalizing_(std::move(finalizing)) {}

int64_t CitusKills::Pick(int64_t from, int64_t to) {
  return std::uniform_int_distribution<int64_t>(from, to)(random_);
}

absl::Status CitusKills::Strike() {
  constexpr Victim kVictims[] = {Victim::kServer, Victim::kServer, Victim::kCoordinator,
                                 Victim::kWorker1, Victim::kWorker2};
  const Victim victim = kVictims[Pick(0, std::ssize(kVictims) - 1)];
  std::string moment;
  switch (Pick(0, 3)) {
    case 0:
      moment = WaitForAnyMoment();
      break;
    case 1:
      moment = WaitForFinalization();
      break;
    default:
      moment = WaitForFailpoint();
      break;
  }
  Count(victim, finalizing_());
  Kill(victim);
  story_.back() += moment;
  // A thread that waits at a failpoint goes on before or after the victim is back.
  if (Pick(0, 1) == 0) server_->Disarm();
  absl::SleepFor(PickTime(0, 300));
  const absl::Status revived = Revive(victim);
  server_->Disarm();
  return revived;
}

std::string CitusKills::WaitForAnyMoment() {
  absl::SleepFor(PickTime(0, 600));
  return "at any moment";
}

std::string CitusKills::WaitForFinalization() {
  const absl::Time deadline = absl::Now() + PickTime(500, 3000);
  const absl::Duration later = PickTime(0, 150);
  while (!finalizing_() && absl::Now() < deadline) absl::SleepFor(kPoll);
  if (!finalizing_()) return "while no stream completes";
  absl::SleepFor(later);
  return "after the end of the records";
}

std::string CitusKills::WaitForFailpoint() {
  const int64_t which = Pick(0, std::ssize(kFailpoints) - 1);
  const bool publishes = which >= kFirstThatPublishes;
  server_->Arm(kFailpoints[which], FailpointAction::kPause, publishes ? 1 : Pick(1, 4));
  const bool reached = server_->WaitForFailpoint(PickTime(500, publishes ? 3000 : 1500));
  return absl::StrCat(reached ? "at " : "without reaching ", kFailpoints[which]);
}

void CitusKills::Count(Victim victim, bool finalizing) {
  const char* name = "worker";
  if (victim == Victim::kServer) name = "server";
  if (victim == Victim::kCoordinator) name = "coordinator";
  story_.push_back(absl::StrCat(name, " killed "));
  ++counts_[name];
  ++counts_[finalizing ? "while a stream completes" : "while all streams load"];
}

void CitusKills::Kill(Victim victim) {
  constexpr auto kMode = PostgresCluster::StopMode::kImmediate;
  switch (victim) {
    case Victim::kServer:
      server_->Kill9();
      break;
    case Victim::kCoordinator:
      cluster_->coordinator().Stop(kMode);
      break;
    case Victim::kWorker1:
      cluster_->worker(1).Stop(kMode);
      break;
    case Victim::kWorker2:
      cluster_->worker(2).Stop(kMode);
      break;
  }
}

absl::Status CitusKills::Revive(Victim victim) {
  switch (victim) {
    case Victim::kServer:
      return server_->Restart();
    case Victim::kCoordinator:
      return cluster_->coordinator().Start();
    case Victim::kWorker1:
      return cluster_->worker(1).Start();
    case Victim::kWorker2:
      return cluster_->worker(2).Start();
  }
  return absl::OkStatus();
}

}  // namespace syncline::testing

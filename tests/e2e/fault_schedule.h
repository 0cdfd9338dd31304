// Faults at random: two servers, their database and all the links between them and their callers,
// and what strikes them, one fault after the other, each healed before the next.
//
// The seed decides which faults, in which order, where and for how long; the machine decides what
// they meet. Used by one thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/postgres/connection/connection.h"
#include "tests/support/failpoint_order.h"
#include "tests/support/fault_proxy.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/server_process.h"

namespace syncline::testing {

// One of two servers of one ledger, with what lies between it and the others.
struct FaultyReplica {
  std::unique_ptr<FaultProxy> database_link;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<FaultProxy> caller_link;
};

class FaultSchedule {
 public:
  // All outlive it. `session` gives a connection of the test's own, `log` takes what is done.
  FaultSchedule(uint64_t seed, PostgresCluster* cluster, std::array<FaultyReplica, 2>* replicas,
                std::function<std::unique_ptr<postgres::Connection>()> session,
                std::string reader_table);

  // Waits a moment, lets the next fault strike, heals it. An error when something does not heal: a
  // server that does not serve again, a database that does not start.
  absl::Status Strike();

  // What has been done, a line a fault.
  const std::vector<std::string>& story() const { return story_; }

 private:
  using Fault = absl::Status (FaultSchedule::*)();

  int64_t Pick(int64_t from, int64_t to);
  absl::Duration PickTime(int64_t from_ms, int64_t to_ms) {
    return absl::Milliseconds(Pick(from_ms, to_ms));
  }
  void Tell(absl::string_view what) { story_.emplace_back(what); }
  FaultyReplica& Replica() { return (*replicas_)[which_]; }

  absl::Status StrikeAtFailpoint();
  absl::Status MeetAtFailpoint(FailpointAction action);
  // Makes the server that has come to what both are armed with the one that is struck; false when
  // none does.
  bool FindReached(absl::Duration patience);
  absl::Status Kill();
  absl::Status Drain();
  absl::Status Stop();
  // While the server stands still; mostly its callers are cut off, and the other server takes their
  // writers over.
  void WaitForCallersElsewhere(absl::Duration time);
  absl::Status RestartDatabase();
  absl::Status EndSessions();
  absl::Status CutLink();
  absl::Status SilenceLink();
  absl::Status RefuseDatabase();
  absl::Status LockOutSwaps();

  std::mt19937_64 random_;
  PostgresCluster* const cluster_;
  std::array<FaultyReplica, 2>* const replicas_;
  const std::function<std::unique_ptr<postgres::Connection>()> session_;
  const std::string reader_table_;
  size_t which_ = 0;
  std::vector<std::string> story_;
};

}  // namespace syncline::testing

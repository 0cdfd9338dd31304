// Random faults on two servers, their database, and the links between them and their callers. The
// faults strike one after the other, and each is healed before the next.
//
// The seed determines the faults, their order, their places and their durations. What they meet
// depends on timing. Used by one thread.
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

// One of two servers on one ledger, and the links to its database and its callers.
struct FaultyReplica {
  std::unique_ptr<FaultProxy> database_link;
  std::unique_ptr<ServerProcess> server;
  std::unique_ptr<FaultProxy> caller_link;
};

class FaultSchedule {
 public:
  // All pointers must outlive this object. `session` opens a connection for the test itself.
  FaultSchedule(uint64_t seed, PostgresCluster* cluster, std::array<FaultyReplica, 2>* replicas,
                std::function<std::unique_ptr<postgres::Connection>()> session,
                std::string reader_table);

  // Waits a moment, applies the next fault, and heals it. Returns an error if something does not
  // recover: a server that does not serve again, or a database that does not start.
  absl::Status Strike();

  // The faults so far, one per line.
  const std::vector<std::string>& story() const { return story_; }

 private:
  using Fault = absl::Status (FaultSchedule::*)();

  int64_t Pick(int64_t from, int64_t to);
  absl::Duration PickTime(int64_t from_ms, int64_t to_ms) {
    return absl::Milliseconds(Pick(from_ms, to_ms));
  }
  void AddToStory(absl::string_view what) { story_.emplace_back(what); }
  FaultyReplica& Replica() { return (*replicas_)[which_]; }

  absl::Status StrikeAtFailpoint();
  absl::Status MeetAtFailpoint(FailpointAction action);
  // Selects the server that has reached the armed failpoint. Returns false if none reaches it
  // within `patience`.
  bool FindReached(absl::Duration patience);
  absl::Status Kill();
  absl::Status Drain();
  absl::Status Stop();
  // Waits while the server is stopped. Usually disconnects its callers, so that the other server
  // takes over their writers.
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

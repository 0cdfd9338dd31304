// Random kills of a server, and of the coordinator and the workers of its Citus cluster, while it
// loads. What is killed is started again before the next one.
//
// The seed determines what is killed, at what kind of moment, and how long it stays away. What the
// kill meets depends on timing. Used by one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/support/citus_cluster.h"
#include "tests/support/server_process.h"

namespace syncline::testing {

class CitusKills {
 public:
  // The pointers must outlive this object. `finalizing` returns whether a stream, all of whose
  // records are durable, is not completed yet.
  CitusKills(uint64_t seed, CitusCluster* cluster, ServerProcess* server,
             std::function<bool()> finalizing);

  // Waits for a moment and kills what is due. Returns an error if it does not start again.
  absl::Status Strike();

  // The kills so far, one per line.
  const std::vector<std::string>& story() const { return story_; }
  // The number of kills by what was killed, and by when.
  const std::map<std::string, int>& counts() const { return counts_; }

 private:
  enum class Victim { kServer, kCoordinator, kWorker1, kWorker2 };

  int64_t Pick(int64_t from, int64_t to);
  absl::Duration PickTime(int64_t from_ms, int64_t to_ms) {
    return absl::Milliseconds(Pick(from_ms, to_ms));
  }
  // Each waits until the moment is there, and returns its description.
  std::string WaitForAnyMoment();
  std::string WaitForFinalization();
  std::string WaitForFailpoint();
  void Count(Victim victim, bool finalizing);
  void Kill(Victim victim);
  absl::Status Revive(Victim victim);

  std::mt19937_64 random_;
  CitusCluster* const cluster_;
  ServerProcess* const server_;
  const std::function<bool()> finalizing_;
  std::vector<std::string> story_;
  std::map<std::string, int> counts_;
};

}  // namespace syncline::testing

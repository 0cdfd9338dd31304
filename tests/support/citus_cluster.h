// A private Citus cluster of a coordinator and two workers, for tests of distributed tables.
//
// SYNCLINE_CITUS_BINDIR names the programs of a PostgreSQL installation that has the extension
// (scripts/test --citus). The nodes reach each other through their Unix sockets.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/support/postgres_cluster.h"

namespace syncline::testing {

// Returns the directory of SYNCLINE_CITUS_BINDIR, or an empty string.
std::string CitusBinDirectory();

class CitusCluster {
 public:
  static constexpr int kShards = 8;  // of a distributed table

  // Creates and starts the nodes. Errors: as PostgresCluster::Create; those of the extension.
  static absl::StatusOr<std::unique_ptr<CitusCluster>> Create();

  PostgresCluster& coordinator() { return *nodes_[0]; }
  PostgresCluster& worker(size_t number) { return *nodes_.at(number); }  // 1 or 2

 private:
  explicit CitusCluster(std::vector<std::unique_ptr<PostgresCluster>> nodes)
      : nodes_(std::move(nodes)) {}

  std::vector<std::unique_ptr<PostgresCluster>> nodes_;  // the coordinator first
};

}  // namespace syncline::testing

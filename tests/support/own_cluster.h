// A test with a private PostgreSQL that it may stop, kill and reconfigure: WithOwnCluster<Base> for
// any Base that derives from PostgresTest.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

template <typename Base>
class WithOwnCluster : public Base {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(cluster_, PostgresCluster::Create(ClusterOptions()));
    Base::SetUp();
  }
  absl::StatusOr<std::string> ChooseDatabase() override { return cluster_->dsn(); }
  // Does nothing: the cluster is removed with all of its data.
  void TearDown() override {}

  virtual PostgresClusterOptions ClusterOptions() const { return {}; }

  std::unique_ptr<PostgresCluster> cluster_;
};

}  // namespace syncline::testing

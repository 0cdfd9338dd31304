// A test with a private PostgreSQL that it may stop, kill and reconfigure: WithOwnCluster<Base> for
// any Base that finds its database through SYNCLINE_TEST_DSN.
#pragma once

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "tests/support/postgres_cluster.h"
#include "tests/support/status_matchers.h"

namespace syncline::testing {

template <typename Base>
class WithOwnCluster : public Base {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(cluster_, PostgresCluster::Create(ClusterOptions()));
    const char* const given = std::getenv("SYNCLINE_TEST_DSN");
    const std::optional<std::string> before =
        given == nullptr ? std::nullopt : std::optional<std::string>(given);
    setenv("SYNCLINE_TEST_DSN", cluster_->dsn().c_str(), 1);
    Base::SetUp();
    if (before.has_value()) {
      setenv("SYNCLINE_TEST_DSN", before->c_str(), 1);
    } else {
      unsetenv("SYNCLINE_TEST_DSN");
    }
  }
  // Does nothing: the cluster is removed with all of its data.
  void TearDown() override {}

  virtual PostgresClusterOptions ClusterOptions() const { return {}; }

  std::unique_ptr<PostgresCluster> cluster_;
};

}  // namespace syncline::testing

// Base of the tests with Citus: a server in this process on the coordinator of a private cluster,
// which the tests of a program share. Without SYNCLINE_CITUS_BINDIR every test is skipped.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/component/app_fixture.h"
#include "tests/support/citus_cluster.h"

namespace syncline::testing {

class CitusTest : public AppTest {
 protected:
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;
  absl::StatusOr<std::string> ChooseDatabase() override { return cluster().coordinator().dsn(); }

  static CitusCluster& cluster();

  // Runs statements one by one on the coordinator; $S is the schema.
  void Run(absl::string_view sql);
  std::string Value(absl::string_view sql);
  // Returns the value of a query on a worker, 1 or 2.
  std::string OnWorker(size_t number, absl::string_view sql);

  // Creates the table as the server would, and distributes it by `column`.
  void Distribute(absl::string_view column, absl::string_view table = kTable);
  // Returns how Citus places the table, such as "hash id", "reference", "local", or "ordinary" if
  // Citus does not place it.
  std::string Placement(const std::string& table);
  std::string TargetPlacement() { return Placement(Table(kTable)); }
  // Returns the names of tables that Citus knows in the ledger's schema, which has the staging
  // tables.
  std::string PlacedStaging();
};

}  // namespace syncline::testing

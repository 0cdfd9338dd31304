// Base of the fault tests with Citus: servers with failpoints on the coordinator of a private
// cluster, which the tests of a program share. Without SYNCLINE_CITUS_BINDIR every test is skipped.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/thread.h"
#include "server/postgres/connection/connection.h"
#include "tests/e2e/fault_fixture.h"
#include "tests/support/citus_cluster.h"
#include "tests/support/delivery_history.h"
#include "tests/support/persistent_caller.h"

namespace syncline::testing {

// A load in a thread of its own, which repeats its calls until the stream is complete.
class LoadInBackground {
 public:
  LoadInBackground(PersistentCallerOptions options, DeliveryHistory* history,
                   absl::Duration give_up);
  bool over() const { return over_; }
  // Returns how it ended. Waits for the end.
  absl::Status Join();

 private:
  PersistentCaller caller_;
  absl::Status end_;
  std::atomic<bool> over_ = false;
  std::unique_ptr<Thread> thread_;
};

class CitusFaultTest : public FaultTest {
 protected:
  // What the table of a load has too few or too many of.
  struct Difference {
    int64_t lost = 0;
    int64_t doubled = 0;  // also rows that were never sent
  };

  static void TearDownTestSuite();
  void SetUp() override;
  // Does nothing: the cluster is removed with all of its data, and a connection of the fixture may
  // have been lost with its node.
  void TearDown() override {}
  absl::StatusOr<std::string> ChooseDatabase() override { return cluster().coordinator().dsn(); }

  static CitusCluster& cluster();

  // Opens a connection to the coordinator, or returns null while it is away.
  static std::unique_ptr<postgres::Connection> Session();
  // Returns the value of a query on the coordinator.
  static std::string Ask(const std::string& sql);

  // Creates the table of a stream with `columns`, distributed by id.
  void Distribute(absl::string_view table, absl::string_view columns);
  // Creates the table of `stream`, distributed by id. Unless the stream appends, it has rows of an
  // earlier load, all of which the stream replaces.
  void DistributeFor(const DeliveryStream& stream);
  // Returns a stream of `records`, whose table DistributeFor has created.
  DeliveryStream DistributedStream(absl::string_view table, DeliveryMode mode, int64_t records);
  // Starts one load per stream.
  static std::vector<std::unique_ptr<LoadInBackground>> LoadAll(
      const std::vector<std::unique_ptr<DeliveryHistory>>& histories,
      const PersistentCallerOptions& options, absl::Duration give_up);

  // Does what the maintenance daemon of Citus does once a minute. Errors: a node is away.
  static absl::Status Recover();
  // Checks that the table of each load has what was sent, exactly once, and is still distributed;
  // and that nothing is prepared on any node, and no staging table is left.
  Difference ExpectLoaded(const std::vector<std::unique_ptr<DeliveryHistory>>& histories);

 private:
  Difference Compare(const DeliveryStream& stream);
};

}  // namespace syncline::testing

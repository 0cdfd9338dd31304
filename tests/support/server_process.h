// The real server as a process of its own: started on a port that it picks, killed, drained and
// started again.
//
// It keeps its port over restarts, so that callers that try again find it. Its log is printed when
// the test has failed. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/sync_client.h"
#include "tests/support/failpoint_order.h"
#include "tests/support/process.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {

struct ServerProcessOptions {
  // Where the tables are; empty with --embedded_postgres among the flags.
  std::string dsn;
  std::string ledger_schema = "syncline";
  std::vector<std::string> flags = {};  // "--name=value"
  // False for a server whose database is down: Start then waits for its ports only.
  bool wait_until_serving = true;
  // The server that has failpoints, for Arm.
  bool failpoints = false;
};

class ServerProcess {
 public:
  // Starts it and waits until its health says SERVING. Errors: those of Process::Start;
  // FAILED_PRECONDITION with its log when it ended; DEADLINE_EXCEEDED.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerProcessOptions& options);

  // Kills it when it still runs.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // SIGKILL, and waits for the end.
  void Kill9();
  void Signal(int signal) { process_->Signal(signal); }
  // The exit code, or nothing when it still runs after `timeout`.
  std::optional<int> Wait(absl::Duration timeout) { return process_->Wait(timeout); }
  bool running() { return !Wait(absl::ZeroDuration()).has_value(); }
  // The same server again, with the same flags on the same ports. Errors as Start.
  absl::Status Restart();

  // Has failpoint `name` (base/failpoint.h) act at its `hit`th hit from now, instead of what
  // was armed before. A restarted server has nothing armed.
  void Arm(absl::string_view name, FailpointAction action, int64_t hit = 1);
  void Disarm();
  // Waits until it was reached; false after `timeout`, or when the server ended without.
  bool WaitForFailpoint(absl::Duration timeout);

  // Waits until its health says SERVING. Errors: DEADLINE_EXCEEDED with what it said last.
  absl::Status WaitUntilServing(absl::Duration timeout);

  pid_t pid() const { return process_->pid(); }
  // "127.0.0.1:port"
  std::string address() const;
  int grpc_port() const { return grpc_port_; }
  int metrics_port() const { return metrics_port_; }
  // The body of /metrics; empty when it cannot be had.
  std::string Metrics() const;
  // The code of an answer on the metrics port; 0 when there is none.
  int HttpStatus(absl::string_view path) const;
  // A client of this server.
  std::unique_ptr<client::SyncClient> Client() const;
  // All that it has written on stderr, over all starts.
  std::string Log() const;

 private:
  explicit ServerProcess(const ServerProcessOptions& options);
  absl::Status Launch();
  absl::Status WaitForPorts(absl::Time deadline);

  const ServerProcessOptions options_;
  const TemporaryDirectory directory_;
  std::string earlier_log_;
  std::unique_ptr<Process> process_;
  int grpc_port_ = 0;
  int metrics_port_ = 0;
  FailpointOrder armed_;
};

}  // namespace syncline::testing

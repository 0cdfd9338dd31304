// The real server in a process of its own. Tests start, kill, drain and restart it.
//
// The server keeps its port across restarts, so that callers that retry can reach it. Its log is
// printed if the test failed. Used by one thread.
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
#include "tests/support/reserved_port.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {

struct ServerProcessOptions {
  // The destination database; empty if --embedded_postgres is among the flags.
  std::string dsn;
  std::string ledger_schema = "syncline";
  std::vector<std::string> flags = {};  // "--name=value"
  // Set to false for a server whose database is down: Start then waits only for its ports.
  bool wait_until_serving = true;
  // Starts the server that is built with failpoints, which Arm needs.
  bool failpoints = false;
  // A program and its arguments that become the server, such as {"setpriv", "--reuid=1000"}.
  std::vector<std::string> launcher = {};
};

class ServerProcess {
 public:
  // Starts the server and waits until its health is SERVING. Errors: those of Process::Start;
  // FAILED_PRECONDITION with its log if it ended; DEADLINE_EXCEEDED.
  static absl::StatusOr<std::unique_ptr<ServerProcess>> Start(const ServerProcessOptions& options);

  // Kills the server if it is still running.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  // Sends SIGKILL and waits for the end.
  void Kill9();
  void Signal(int signal) { process_->Signal(signal); }
  // Returns the exit code, or nothing if it is still running after `timeout`.
  std::optional<int> Wait(absl::Duration timeout) { return process_->Wait(timeout); }
  bool running() { return !Wait(absl::ZeroDuration()).has_value(); }
  // Starts the same server again, with the same flags on the same ports. Errors as Start.
  absl::Status Restart();

  // Makes failpoint `name` (base/failpoint.h) act at its `hit`th hit from now, instead of what was
  // armed before. A restarted server has nothing armed.
  void Arm(absl::string_view name, FailpointAction action, int64_t hit = 1);
  void Disarm();
  // Waits until the armed failpoint is reached. Returns false after `timeout`, or if the server
  // ended without reaching it.
  bool WaitForFailpoint(absl::Duration timeout);

  // Waits until its health is SERVING. Errors: DEADLINE_EXCEEDED with the last health status.
  absl::Status WaitUntilServing(absl::Duration timeout);

  // Returns the maximum resident memory of the process so far.
  int64_t PeakBytes() const;
  pid_t pid() const { return process_->pid(); }
  // "127.0.0.1:port"
  std::string address() const;
  int grpc_port() const { return grpc_port_; }
  int metrics_port() const { return metrics_port_; }
  // Returns the body of /metrics, or an empty string if the request failed.
  std::string Metrics() const;
  // Returns the HTTP status code of a request to the metrics port, or 0 if there is no response.
  int HttpStatus(absl::string_view path) const;
  // Returns a new client of this server.
  std::unique_ptr<client::SyncClient> Client() const;
  // Everything that the server has written to stderr, over all starts.
  std::string Log() const;

 private:
  explicit ServerProcess(const ServerProcessOptions& options);
  absl::Status Launch();
  absl::Status WaitForPorts(absl::Time deadline);

  const ServerProcessOptions options_;
  const TemporaryDirectory directory_;
  std::string earlier_log_;
  std::unique_ptr<Process> process_;
  const ReservedPort reserved_grpc_port_;
  const ReservedPort reserved_metrics_port_;
  // Where it listens: on the reserved ports, unless its flags name other addresses.
  int grpc_port_ = reserved_grpc_port_.port();
  int metrics_port_ = reserved_metrics_port_.port();
  FailpointOrder armed_;
};

}  // namespace syncline::testing

// A private PostgreSQL that is removed after the test, for tests that stop, kill or reconfigure the
// database.
//
// Built on the embedded server. With SYNCLINE_TEST_POSTGRES_BIN, it runs the programs in that
// directory (scripts/test --postgres). It runs without fsync unless requested, because its data
// need not survive the machine. A killed postmaster loses nothing, because the kernel keeps what it
// wrote.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/postgres/embedded/embedded_server.h"
#include "tests/support/reserved_port.h"

namespace syncline::testing {

struct PostgresClusterOptions {
  bool fsync = false;
  // Where the programs are; empty for the installation that the class comment names.
  std::string bin_directory = {};
  // Additional settings of postgresql.conf, as name and value.
  std::vector<std::pair<std::string, std::string>> settings = {};
};

class PostgresCluster {
 public:
  using StopMode = postgres::EmbeddedServer::StopMode;

  // Creates and starts it. Errors as EmbeddedServer::Start; POSTGRES_MISSING if the machine has no
  // PostgreSQL.
  static absl::StatusOr<std::unique_ptr<PostgresCluster>> Create(
      PostgresClusterOptions options = {});

  // Creates and starts a standby of `primary`, which is stopped and started again for this. It
  // follows the primary's port and has its tables, roles and password.
  static absl::StatusOr<std::unique_ptr<PostgresCluster>> CreateStandby(PostgresCluster& primary);

  // Stops it and removes its files.
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  void Stop(StopMode mode = StopMode::kFast);
  // Sends SIGKILL to the postmaster only, like the kernel's OOM killer. Its children end by
  // themselves.
  void KillPostmaster();
  // Sends SIGSTOP to all its processes: connections stay open, and nothing is answered. Thaw
  // continues them.
  void Freeze() { SignalAll(SIGSTOP); }
  void Thaw() { SignalAll(SIGCONT); }
  // Starts it again, after Stop or KillPostmaster, on the same port and with the same data.
  absl::Status Start();

  // Makes a standby a primary and waits until it accepts writes.
  absl::Status Promote();

  // Connects through the Unix socket, without a password. Stays the same across restarts.
  const std::string& dsn() const { return dsn_; }
  // Connects over TCP with SCRAM and the right password.
  const std::string& tcp_dsn() const { return tcp_dsn_; }
  // The same with `password`.
  std::string TcpDsnWithPassword(const std::string& password) const;
  int port() const { return port_.port(); }
  const std::string& socket_directory() const { return server_->socket_directory(); }
  pid_t postmaster_pid() const { return server_->pid(); }
  const std::string& directory() const { return directory_; }

 private:
  PostgresCluster(std::string directory, PostgresClusterOptions options);
  void SignalAll(int signal);

  const std::string directory_;
  const PostgresClusterOptions options_;
  const ReservedPort port_;
  std::string dsn_;
  std::string tcp_dsn_;
  std::unique_ptr<postgres::EmbeddedServer> server_;
};

}  // namespace syncline::testing

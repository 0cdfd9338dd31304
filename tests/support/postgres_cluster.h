// A PostgreSQL of the test's own, thrown away afterwards: for tests that stop, kill or reconfigure
// the database.
//
// Built on the embedded server; without fsync unless asked for, as nothing here must survive the
// machine (a killed postmaster loses nothing: the kernel keeps what it wrote).
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

namespace syncline::testing {

struct PostgresClusterOptions {
  bool fsync = false;
  // Further settings of postgresql.conf, name and value.
  std::vector<std::pair<std::string, std::string>> settings = {};
};

class PostgresCluster {
 public:
  using StopMode = postgres::EmbeddedServer::StopMode;

  // Makes and starts it. Errors as EmbeddedServer::Start; POSTGRES_MISSING where the machine has no
  // PostgreSQL.
  static absl::StatusOr<std::unique_ptr<PostgresCluster>> Create(
      PostgresClusterOptions options = {});

  // Stops it and removes its files.
  ~PostgresCluster();
  PostgresCluster(const PostgresCluster&) = delete;
  PostgresCluster& operator=(const PostgresCluster&) = delete;

  void Stop(StopMode mode = StopMode::kFast);
  // SIGKILL for the postmaster alone, as the kernel's OOM killer does; its children end by
  // themselves.
  void KillPostmaster();
  // SIGSTOP for all its processes: connections stay open, and nothing is answered. Thaw lets it go
  // on.
  void Freeze() { SignalAll(SIGSTOP); }
  void Thaw() { SignalAll(SIGCONT); }
  // Starts it again, after Stop or KillPostmaster, on the same port and with the same data.
  absl::Status Start();

  // By the Unix socket, without a password. The same before and after a restart.
  const std::string& dsn() const { return dsn_; }
  // Over TCP with SCRAM: the connection string with the right password.
  const std::string& tcp_dsn() const { return tcp_dsn_; }
  // The same with `password`.
  std::string TcpDsnWithPassword(const std::string& password) const;
  int port() const { return port_; }
  pid_t postmaster_pid() const { return server_->pid(); }
  const std::string& directory() const { return directory_; }

 private:
  PostgresCluster(std::string directory, PostgresClusterOptions options);
  void SignalAll(int signal);

  const std::string directory_;
  const PostgresClusterOptions options_;
  int port_ = 0;
  std::string dsn_;
  std::string tcp_dsn_;
  std::unique_ptr<postgres::EmbeddedServer> server_;
};

}  // namespace syncline::testing

// A PostgreSQL server of our own, kept in one directory: what `--embedded_postgres DIR` starts.
//
// The distribution's PostgreSQL runs as a child process; its data outlive us. Layout of DIR (0700):
// data/ the cluster, log/ what initdb and postgres say, run/ the socket, password (0600) for TCP,
// port, lock. Durable like any other server: fsync and full_page_writes stay on, only what loading
// wants (WAL size, checkpoints) is tuned.
//
// Who may connect: whoever may enter DIR, by the Unix socket without a password; over TCP on
// 127.0.0.1 with the password of the file (SCRAM). When we are root it runs as the user "postgres",
// who then owns DIR.
//
// Start from the main thread: should we be killed, the kernel shuts the database down (fast) when
// that thread ends. Used by one thread.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace syncline::postgres {

struct EmbeddedServerOptions {
  // Created with its parents when missing.
  std::string directory;
  // TCP port on 127.0.0.1; 0 takes that of the last run, or a free one.
  int port = 0;
  // Where initdb and postgres are; empty finds them.
  std::string bin_directory = {};
  // Further settings of the server, name and value; they win over our tuning, not over addresses
  // and ports.
  std::vector<std::pair<std::string, std::string>> settings = {};
  // Further arguments of initdb, used when there is no cluster yet.
  std::vector<std::string> initdb_arguments = {};
  // Covers initdb, the end of a server left behind, and recovery after a crash.
  absl::Duration start_timeout = absl::Seconds(120);
  // How long a fast shutdown may take before it becomes an immediate one.
  absl::Duration stop_timeout = absl::Seconds(30);
};

class EmbeddedServer {
 public:
  enum class StopMode {
    kFast,       // ends sessions, writes a checkpoint
    kImmediate,  // as a crash: the next start recovers
  };

  // Makes the cluster if there is none, stops a server that an earlier run left behind, starts and
  // waits until it answers. Errors, all FAILED_PRECONDITION: POSTGRES_MISSING,
  // POSTGRES_USER_MISSING, EMBEDDED_IN_USE (another process of ours has DIR), EMBEDDED_DIRECTORY,
  // EMBEDDED_START (with the last line of the log); DEADLINE_EXCEEDED EMBEDDED_START.
  static absl::StatusOr<std::unique_ptr<EmbeddedServer>> Start(EmbeddedServerOptions options);

  // Stop().
  ~EmbeddedServer();
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  // By the Unix socket: no password in it, safe to print.
  std::string conninfo() const;
  // Over TCP, without the password: that is in password_file().
  std::string tcp_conninfo() const;
  int port() const;
  const std::string& socket_directory() const;
  std::string password_file() const;
  std::string log_file() const;
  // Of the postmaster.
  pid_t pid() const;
  bool running() { return !WaitForEnd(absl::ZeroDuration()); }
  // True when the server has ended, by itself or by Stop, within `timeout`.
  bool WaitForEnd(absl::Duration timeout);

  // Ends the server and waits for it; falls back to an immediate stop and then to SIGKILL. Safe to
  // call twice.
  void Stop(StopMode mode = StopMode::kFast);

 private:
  struct State;
  explicit EmbeddedServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace syncline::postgres

// A PostgreSQL server that this process starts and keeps in one directory (`--embedded_postgres
// DIR`).
//
// The distribution's PostgreSQL runs as a child process. Its data remain after this process ends.
// Layout of DIR (mode 0700): data/ the cluster, log/ the output of initdb and postgres, run/ the
// socket, password (0600) for TCP, port, lock. The server is as durable as any other: fsync and
// full_page_writes stay on, and only settings that speed up loading (WAL size, checkpoints) are
// tuned.
//
// Programs that may enter DIR can connect through the Unix socket without a password. Others can
// connect over TCP on 127.0.0.1 with the password of the file (SCRAM). If this process is root,
// PostgreSQL runs as the user "postgres", which then owns DIR.
//
// Call Start on the main thread: if this process is killed, the kernel sends the database a fast
// shutdown when the starting thread ends. For use by one thread.
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
  // Created with its parents if it does not exist.
  std::string directory;
  // TCP port on 127.0.0.1. 0 uses the port of the last run if it is free, otherwise any free port.
  int port = 0;
  // Directory of initdb and postgres. If empty, they are searched for (FindPostgres).
  std::string bin_directory = {};
  // Additional server settings, as name and value. They override the tuning, but not addresses,
  // ports and the socket.
  std::vector<std::pair<std::string, std::string>> settings = {};
  // Additional arguments of initdb, used if there is no cluster yet.
  std::vector<std::string> initdb_arguments = {};
  // Maximum time for stopping a leftover server, initdb, and recovery after a crash together.
  absl::Duration start_timeout = absl::Seconds(120);
  // Maximum time of a fast shutdown before an immediate one follows.
  absl::Duration stop_timeout = absl::Seconds(30);
};

class EmbeddedServer {
 public:
  enum class StopMode {
    kFast,       // ends sessions, writes a checkpoint
    kImmediate,  // like a crash: the next start recovers
  };

  // Stops a server that remains from an earlier run, creates the cluster if there is none, starts
  // the server and waits until it accepts connections. Errors: FAILED_PRECONDITION
  // POSTGRES_MISSING, POSTGRES_USER_MISSING, EMBEDDED_IN_USE (another process uses DIR),
  // EMBEDDED_DIRECTORY or EMBEDDED_START (with the last line of the log); DEADLINE_EXCEEDED
  // EMBEDDED_START; those of ChildProcess::Start.
  static absl::StatusOr<std::unique_ptr<EmbeddedServer>> Start(EmbeddedServerOptions options);

  // Calls Stop().
  ~EmbeddedServer();
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  // Returns the connection string for the Unix socket. It contains no password and is safe to
  // print.
  std::string conninfo() const;
  // Returns the connection string for TCP, without the password, which is in password_file().
  std::string tcp_conninfo() const;
  int port() const;
  const std::string& socket_directory() const;
  std::string password_file() const;
  std::string log_file() const;
  // Process id of the postmaster.
  pid_t pid() const;
  bool running() { return !WaitForEnd(absl::ZeroDuration()); }
  // Waits for the server to end, by itself or by Stop. Returns false after `timeout`.
  bool WaitForEnd(absl::Duration timeout);

  // Stops the server and waits for it. If it does not end in time, an immediate stop and then
  // SIGKILL follow. Safe to call twice.
  void Stop(StopMode mode = StopMode::kFast);

 private:
  struct State;
  explicit EmbeddedServer(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace syncline::postgres

// A server inside the process for the duration of a run, for users and connectors that have no
// server to call.
//
// This is the only part of the client that depends on the server's code.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/sync_client.h"

namespace syncline {
class App;
}

namespace syncline::client {

// The database that an in-process server loads. One of the strings is set.
struct DirectDatabase {
  std::string conninfo;             // connection string or URI of libpq; secret
  bool conninfo_is_public = false;  // it was given on a command line, so a password is refused
  std::string conninfo_file;        // a file that contains it
  std::string embedded_directory;   // of a private PostgreSQL that the server starts and stops
};

class DirectServer {
 public:
  // Starts a server on a loopback port, with a token that only this process has. Must be called on
  // the main thread, because a private PostgreSQL stops when the thread that started it ends. If
  // the database cannot be reached, the calls fail, not this function. Errors: a usage error if
  // `database` is not valid; those of App::Create.
  static absl::StatusOr<std::unique_ptr<DirectServer>> Start(const DirectDatabase& database);
  // Drains the server, and stops a private PostgreSQL.
  ~DirectServer();

  // Returns how to connect to the server.
  const ConnectionOptions& connection() const { return connection_; }

 private:
  DirectServer(std::unique_ptr<App> app, ConnectionOptions connection);

  const std::unique_ptr<App> app_;
  const ConnectionOptions connection_;
};

}  // namespace syncline::client

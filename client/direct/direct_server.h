// A server inside the process for the duration of a run, for connectors that have no server to
// call.
//
// This is the only part of the client that depends on the server's code.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/airbyte/config.h"
#include "client/sync_client.h"

namespace syncline {
class App;
}

namespace syncline::client {

class DirectServer {
 public:
  // Starts a server on a loopback port, with a token that only this process has. If the database
  // cannot be reached, the calls fail, not this function. Errors: those of App::Create.
  static absl::StatusOr<std::unique_ptr<DirectServer>> Start(const DirectTarget& target);
  // Drains the server.
  ~DirectServer();

  // Returns how to connect to the server.
  const ConnectionOptions& connection() const { return connection_; }

 private:
  DirectServer(std::unique_ptr<App> app, ConnectionOptions connection);

  const std::unique_ptr<App> app_;
  const ConnectionOptions connection_;
};

}  // namespace syncline::client

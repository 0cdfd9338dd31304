// A server inside the process, for the length of a run: the connector where nobody runs a server.
//
// The only part of the client that knows the server's code.
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
  // Serves on a loopback port with a token that only this process knows. A database that cannot be
  // reached is an error of the calls. Errors: those of App::Create.
  static absl::StatusOr<std::unique_ptr<DirectServer>> Start(const DirectTarget& target);
  // Drains.
  ~DirectServer();

  // How to reach it.
  const ConnectionOptions& connection() const { return connection_; }

 private:
  DirectServer(std::unique_ptr<App> app, ConnectionOptions connection);

  const std::unique_ptr<App> app_;
  const ConnectionOptions connection_;
};

}  // namespace syncline::client

// Where the calls of a run go: a server, or a server inside the process that is started for the
// run.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "client/cli.h"
#include "client/direct/direct_server.h"
#include "client/sync_client.h"

namespace syncline::client {

class Destination {
 public:
  // Connects to a server. Errors: those of SyncClient::Create.
  static absl::StatusOr<Destination> Open(const ConnectionOptions& connection);

  // Starts a server for `database`, which messages call `name`. Must be called on the main thread.
  // `timeout` is that of ConnectionOptions. Errors: those of DirectServer::Start.
  static absl::StatusOr<Destination> OpenDirect(const DirectDatabase& database,
                                                const std::string& name, absl::Duration timeout);

  // Opens what the connection flags name. Errors: those of the others, and a usage error if the
  // flags exclude each other.
  static absl::StatusOr<Destination> Open(const CommandLine& command_line);

  SyncClient* client() const { return client_.get(); }
  // Returns the server's address, or a name of the database, for messages.
  const std::string& name() const { return name_; }

 private:
  Destination() = default;
  // Removes the limit of the first contact if the user states how long to retry.
  void LimitFirstContact(const CommandLine& command_line);

  std::string name_;
  // Null unless a server runs inside the process. Outlives client_.
  std::unique_ptr<DirectServer> server_;
  std::unique_ptr<SyncClient> client_;
};

}  // namespace syncline::client

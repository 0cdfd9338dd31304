// The server that a connector's configuration names, or an in-process server that is started for
// the run.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "client/airbyte/config.h"
#include "client/direct/direct_server.h"
#include "client/sync_client.h"

namespace syncline::client {

class Destination {
 public:
  // Opens the destination. Errors: those of DirectServer::Start and SyncClient::Create.
  static absl::StatusOr<Destination> Open(const DestinationConfig& config);

  SyncClient* client() const { return client_.get(); }
  // Returns the server's address or the database's host, for messages.
  const std::string& name() const { return name_; }

 private:
  Destination() = default;

  std::string name_;
  // Null if the configuration names a server. Outlives client_.
  std::unique_ptr<DirectServer> server_;
  std::unique_ptr<SyncClient> client_;
};

}  // namespace syncline::client

#include "client/airbyte/destination.h"

#include <utility>

#include "base/status_macros.h"

namespace syncline::client {

absl::StatusOr<Destination> Destination::Open(const DestinationConfig& config) {
  Destination destination;
  ConnectionOptions connection = config.connection;
  destination.name_ = connection.server;
  if (config.direct.has_value()) {
    SYNCLINE_ASSIGN_OR_RETURN(destination.server_, DirectServer::Start(*config.direct));
    connection = destination.server_->connection();
    destination.name_ = config.direct->host;
  }
  SYNCLINE_ASSIGN_OR_RETURN(destination.client_, SyncClient::Create(connection));
  return destination;
}

}  // namespace syncline::client

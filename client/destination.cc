#include "client/destination.h"

#include <utility>

#include "base/status_macros.h"
#include "client/usage_error.h"

namespace syncline::client {

absl::StatusOr<Destination> Destination::Open(const ConnectionOptions& connection) {
  Destination destination;
  SYNCLINE_ASSIGN_OR_RETURN(destination.client_, SyncClient::Create(connection));
  destination.name_ = destination.client_->server();
  return destination;
}

absl::StatusOr<Destination> Destination::OpenDirect(const DirectDatabase& database,
                                                    const std::string& name,
                                                    absl::Duration timeout) {
  Destination destination;
  destination.name_ = name;
  SYNCLINE_ASSIGN_OR_RETURN(destination.server_, DirectServer::Start(database));
  ConnectionOptions connection = destination.server_->connection();
  connection.timeout = timeout;
  SYNCLINE_ASSIGN_OR_RETURN(destination.client_, SyncClient::Create(connection));
  return destination;
}

absl::StatusOr<Destination> Destination::Open(const CommandLine& command_line) {
  DirectDatabase database;
  database.conninfo = command_line.Text("postgres_dsn");
  database.conninfo_is_public = true;
  database.conninfo_file = command_line.Text("postgres_dsn_file");
  database.embedded_directory = command_line.Text("embedded_postgres");
  const std::string given[] = {database.conninfo, database.conninfo_file,
                               database.embedded_directory};
  std::string used;
  for (const std::string& value : given) {
    if (value.empty()) continue;
    if (!used.empty()) {
      return UsageError(
          "--postgres_dsn, --postgres_dsn_file and --embedded_postgres exclude each other");
    }
    used = value;
  }
  if (used.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(Destination server, Open(command_line.Connection()));
    server.LimitFirstContact(command_line);
    return server;
  }
  if (command_line.Given("server")) {
    return UsageError(
        "--server calls a server, the other flag runs one in this process; give only one of them");
  }
  SYNCLINE_ASSIGN_OR_RETURN(Destination direct,
                            OpenDirect(database, "the database", command_line.Duration("timeout")));
  direct.LimitFirstContact(command_line);
  return direct;
}

void Destination::LimitFirstContact(const CommandLine& command_line) {
  if (!command_line.Given("retry_for")) return;
  client_->outage()->SetFirstContactLimit(absl::InfiniteDuration());
}

}  // namespace syncline::client

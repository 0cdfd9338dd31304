#include "client/destination.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/usage_error.h"

namespace syncline::client {
namespace {

// Flags that name a database, for which this process runs the service.
constexpr const char* kDatabaseFlags[] = {"postgres_dsn", "postgres_dsn_file", "embedded_postgres"};

// Flags that have a meaning only for calls to a server.
constexpr const char* kServerFlags[] = {"server",         "token_file",    "tls",
                                        "tls_ca_file",    "tls_cert_file", "tls_key_file",
                                        "tls_server_name"};

// Returns the flag that names a database, or an empty string if none is given.
absl::StatusOr<std::string> FindDatabaseFlag(const CommandLine& command_line) {
  std::string used;
  for (const char* const flag : kDatabaseFlags) {
    if (!command_line.Given(flag)) continue;
    // A variable that is not set must not send the records to another database.
    if (command_line.Text(flag).empty()) {
      return UsageError(absl::StrCat("--", flag,
                                     " is empty; name a database, or leave the flag out to call a "
                                     "server"));
    }
    if (!used.empty()) {
      return UsageError(
          "--postgres_dsn, --postgres_dsn_file and --embedded_postgres exclude each other");
    }
    used = flag;
  }
  return used;
}

}  // namespace

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
  SYNCLINE_ASSIGN_OR_RETURN(const std::string used, FindDatabaseFlag(command_line));
  if (used.empty()) {
    SYNCLINE_ASSIGN_OR_RETURN(Destination server, Open(command_line.Connection()));
    server.LimitFirstContact(command_line);
    return server;
  }
  for (const char* const flag : kServerFlags) {
    if (!command_line.Given(flag)) continue;
    return UsageError(absl::StrCat("--", flag, " is for calls to a server, but --", used,
                                   " runs one in this process; give only one of them"));
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

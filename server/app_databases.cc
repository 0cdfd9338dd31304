// App: construction of its connections to the database.
#include <algorithm>
#include <utility>

#include "base/log.h"
#include "base/status_macros.h"
#include "server/app_parts.h"

namespace syncline {
namespace {

// Longest wait for another session's lock where no other limit applies, except in merges and swaps.
constexpr absl::Duration kLockTimeout = absl::Seconds(30);
// The same for statements that open and release writers or commit small blocks. Such a statement
// holds a thread while it waits.
constexpr absl::Duration kDataLockTimeout = absl::Milliseconds(500);
// One for numbers of checkpoints while the other removes old syncs or vacuums a table.
constexpr int kBackgroundConnections = 2;

}  // namespace

absl::Status App::Parts::BuildDatabase() {
  conninfo = config.database.conninfo;
  if (config.database.embedded.has_value()) {
    postgres::EmbeddedServerOptions options;
    options.directory = config.database.embedded->directory;
    options.port = config.database.embedded->port;
    SYNCLINE_ASSIGN_OR_RETURN(embedded, postgres::EmbeddedServer::Start(std::move(options)));
    conninfo = embedded->conninfo();
    Log(LogLevel::kInfo, "embedded_postgres_started")
        .Field("socket", embedded->conninfo())
        .Field("tcp", embedded->tcp_conninfo())
        .Field("password_file", embedded->password_file());
  }
  const int connections_of_starts = std::max(1, config.database.control_connections / 2);
  const int others = std::max(1, config.database.control_connections - connections_of_starts);
  SYNCLINE_ASSIGN_OR_RETURN(database, CreateDatabase(others, kLockTimeout));
  SYNCLINE_ASSIGN_OR_RETURN(start_database, CreateDatabase(connections_of_starts, kLockTimeout));
  // Merges and swaps set their own limits; what prepares a swap waits for its staging table only.
  SYNCLINE_ASSIGN_OR_RETURN(publish_database, CreateDatabase(config.load.finalize_threads, {}));
  SYNCLINE_ASSIGN_OR_RETURN(vital_database, CreateDatabase(1, {}));
  SYNCLINE_ASSIGN_OR_RETURN(background_database,
                            CreateDatabase(kBackgroundConnections, kLockTimeout));
  postgres::ConnectionOptions connection_options;
  connection_options.conninfo = conninfo;
  connection_options.sockets = &sockets;
  connection_options.destination = &destination;
  connection_options.lock_timeout = kDataLockTimeout;
  connections = std::make_unique<postgres::ConnectionPool>(connection_options);
  postgres::ConnectionOptions group_options = connection_options;
  group_options.lock_timeout = write::GroupCommit::kLockTimeout;
  group_connections = std::make_unique<postgres::ConnectionPool>(group_options);
  silence = std::make_unique<postgres::SilenceWatch>(connection_options, &sockets);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<postgres::Database>> App::Parts::CreateDatabase(
    int connections_at_most, absl::Duration lock_timeout) {
  postgres::DatabaseOptions options;
  options.conninfo = conninfo;
  options.max_connections = connections_at_most;
  options.lock_timeout = lock_timeout;
  options.sockets = &sockets;
  options.destination = &destination;
  options.canceller = &canceller;
  return postgres::Database::Create(std::move(options));
}

postgres::Database::Usage App::Parts::GetUsage() const {
  postgres::Database::Usage sum;
  for (const auto& one : {database.get(), start_database.get(), publish_database.get(),
                          vital_database.get(), background_database.get()}) {
    const postgres::Database::Usage usage = one->usage();
    sum.open += usage.open;
    sum.busy += usage.busy;
  }
  return sum;
}

}  // namespace syncline

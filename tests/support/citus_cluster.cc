#include "tests/support/citus_cluster.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/postgres/connection/connection.h"

namespace syncline::testing {
namespace {

constexpr int kNodes = 3;

absl::Status Execute(const PostgresCluster& node, const std::string& sql) {
  postgres::ConnectionOptions options;
  options.conninfo = node.dsn();
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<postgres::Connection> connection,
                            postgres::Connection::Open(options));
  return connection->Execute(sql);
}

}  // namespace

std::string CitusBinDirectory() {
  const char* const directory = std::getenv("SYNCLINE_CITUS_BINDIR");
  return directory == nullptr ? "" : directory;
}

absl::StatusOr<std::unique_ptr<CitusCluster>> CitusCluster::Create() {
  std::vector<std::unique_ptr<PostgresCluster>> nodes;
  for (int i = 0; i < kNodes; ++i) {
    SYNCLINE_ASSIGN_OR_RETURN(
        std::unique_ptr<PostgresCluster> node,
        PostgresCluster::Create({.bin_directory = CitusBinDirectory(),
                                 .settings = {{"shared_preload_libraries", "citus"},
                                              {"wal_level", "logical"},
                                              {"max_prepared_transactions", "100"},
                                              {"max_connections", "200"},
                                              {"citus.shard_count", absl::StrCat(kShards)}}}));
    SYNCLINE_RETURN_IF_ERROR(Execute(*node, "CREATE EXTENSION citus"));
    // Moves of shards connect to their own node, too; TCP would need a password.
    SYNCLINE_RETURN_IF_ERROR(Execute(
        *node,
        absl::StrCat("ALTER SYSTEM SET citus.local_hostname = '", node->socket_directory(), "'")));
    SYNCLINE_RETURN_IF_ERROR(Execute(*node, "SELECT pg_catalog.pg_reload_conf()"));
    SYNCLINE_RETURN_IF_ERROR(Execute(*node, "CREATE EXTENSION IF NOT EXISTS citus_columnar"));
    nodes.push_back(std::move(node));
  }
  const auto place = [](const PostgresCluster& node) {
    return absl::StrCat("('", node.socket_directory(), "', ", node.port(), ")");
  };
  SYNCLINE_RETURN_IF_ERROR(Execute(
      *nodes[0], absl::StrCat("SELECT pg_catalog.citus_set_coordinator_host", place(*nodes[0]))));
  for (int i = 1; i < kNodes; ++i) {
    const PostgresCluster& worker = *nodes[static_cast<size_t>(i)];
    SYNCLINE_RETURN_IF_ERROR(
        Execute(*nodes[0], absl::StrCat("SELECT pg_catalog.citus_add_node", place(worker))));
  }
  return std::unique_ptr<CitusCluster>(new CitusCluster(std::move(nodes)));
}

}  // namespace syncline::testing

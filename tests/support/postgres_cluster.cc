#include "tests/support/postgres_cluster.h"

#include <signal.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {

PostgresCluster::PostgresCluster(std::string directory, PostgresClusterOptions options)
    : directory_(std::move(directory)), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<PostgresCluster>> PostgresCluster::Create(
    PostgresClusterOptions options) {
  std::unique_ptr<PostgresCluster> cluster(
      new PostgresCluster(MakeTemporaryDirectory("cluster"), std::move(options)));
  SYNCLINE_RETURN_IF_ERROR(cluster->Start());
  return cluster;
}

PostgresCluster::~PostgresCluster() {
  if (server_ != nullptr) Stop(StopMode::kImmediate);
  RemoveDirectory(directory_);
}

absl::Status PostgresCluster::Start() {
  server_.reset();
  postgres::EmbeddedServerOptions options;
  options.directory = directory_;
  options.port = port_;
  options.settings = options_.settings;
  if (!options_.fsync) {
    options.settings.emplace_back("fsync", "off");
    options.initdb_arguments.emplace_back("--no-sync");
  }
  SYNCLINE_ASSIGN_OR_RETURN(server_, postgres::EmbeddedServer::Start(std::move(options)));
  port_ = server_->port();
  dsn_ = server_->conninfo();
  std::string password;
  std::ifstream(server_->password_file()) >> password;
  tcp_dsn_ = TcpDsnWithPassword(password);
  return absl::OkStatus();
}

void PostgresCluster::Stop(StopMode mode) { server_->Stop(mode); }

void PostgresCluster::KillPostmaster() {
  kill(server_->pid(), SIGKILL);
  // Reaps it; the children are in its group and have to find out by themselves.
  server_->WaitForEnd(absl::Seconds(10));
}

std::string PostgresCluster::TcpDsnWithPassword(const std::string& password) const {
  return absl::StrCat(server_->tcp_conninfo(), " password=", password);
}

}  // namespace syncline::testing

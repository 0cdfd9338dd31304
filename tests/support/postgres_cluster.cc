#include "tests/support/postgres_cluster.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/child_process.h"
#include "base/status_macros.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/embedded/postgres_installation.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {
namespace {

// Copies the data of a stopped cluster, $1, to the directory $2 and makes it a standby that
// connects with $3.
constexpr char kCopyScript[] =
    "cp -a \"$1\" \"$2/data\" && touch \"$2/data/standby.signal\" &&"
    " echo \"primary_conninfo = '$3'\" >>\"$2/data/postgresql.auto.conf\"";

constexpr absl::Duration kCopyTimeout = absl::Seconds(60);

std::string BinDirectory() {
  const char* const directory = std::getenv("SYNCLINE_TEST_POSTGRES_BIN");
  return directory == nullptr ? "" : directory;
}

absl::Status CopyAsStandby(const PostgresCluster& primary, const std::string& directory) {
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::PostgresInstallation installation,
                            postgres::FindPostgres(BinDirectory(), ""));
  // The embedded server only uses directories with this file. It is root's, as in Start.
  std::ofstream(directory + "/lock").flush();
  if (installation.run_as &&
      chown(directory.c_str(), installation.run_as->uid, installation.run_as->gid) != 0) {
    return absl::InternalError("cannot change the owner of " + directory);
  }
  const std::string conninfo =
      absl::StrCat("host=", primary.socket_directory(), " port=", primary.port(),
                   " user=postgres application_name=standby");
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::unique_ptr<ChildProcess> copy,
      ChildProcess::Start({.arguments = {"sh", "-c", kCopyScript, "sh",
                                         primary.directory() + "/data", directory, conninfo},
                           .run_as = installation.run_as}));
  if (copy->Wait(kCopyTimeout) != 0) return absl::InternalError("cannot copy the cluster");
  std::error_code error;
  std::filesystem::copy_file(primary.directory() + "/password", directory + "/password", error);
  return error ? absl::InternalError("cannot copy the password") : absl::OkStatus();
}

}  // namespace

PostgresCluster::PostgresCluster(std::string directory, PostgresClusterOptions options)
    : directory_(std::move(directory)), options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<PostgresCluster>> PostgresCluster::Create(
    PostgresClusterOptions options) {
  std::unique_ptr<PostgresCluster> cluster(
      new PostgresCluster(MakeTemporaryDirectory("cluster"), std::move(options)));
  SYNCLINE_RETURN_IF_ERROR(cluster->Start());
  return cluster;
}

absl::StatusOr<std::unique_ptr<PostgresCluster>> PostgresCluster::CreateStandby(
    PostgresCluster& primary) {
  std::unique_ptr<PostgresCluster> standby(
      new PostgresCluster(MakeTemporaryDirectory("standby"), primary.options_));
  primary.Stop();
  const absl::Status copied = CopyAsStandby(primary, standby->directory_);
  SYNCLINE_RETURN_IF_ERROR(primary.Start());
  SYNCLINE_RETURN_IF_ERROR(copied);
  SYNCLINE_RETURN_IF_ERROR(standby->Start());
  return standby;
}

absl::Status PostgresCluster::Promote() {
  postgres::ConnectionOptions options;
  options.conninfo = dsn_;
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<postgres::Connection> connection,
                            postgres::Connection::Open(options));
  return connection->Execute("SELECT pg_catalog.pg_promote()");
}

PostgresCluster::~PostgresCluster() {
  if (server_ != nullptr) {
    Thaw();
    Stop(StopMode::kImmediate);
  }
  RemoveDirectory(directory_);
}

absl::Status PostgresCluster::Start() {
  server_.reset();
  postgres::EmbeddedServerOptions options;
  options.directory = directory_;
  options.port = port();
  options.bin_directory = options_.bin_directory.empty() ? BinDirectory() : options_.bin_directory;
  options.settings = options_.settings;
  if (!options_.fsync) {
    options.settings.emplace_back("fsync", "off");
    options.initdb_arguments.emplace_back("--no-sync");
  }
  SYNCLINE_ASSIGN_OR_RETURN(server_, postgres::EmbeddedServer::Start(std::move(options)));
  // Other threads may read them while it is started again.
  if (!dsn_.empty()) return absl::OkStatus();
  dsn_ = server_->conninfo();
  std::string password;
  std::ifstream(server_->password_file()) >> password;
  tcp_dsn_ = TcpDsnWithPassword(password);
  return absl::OkStatus();
}

void PostgresCluster::Stop(StopMode mode) { server_->Stop(mode); }

void PostgresCluster::KillPostmaster() {
  kill(server_->pid(), SIGKILL);
  // Reaps the postmaster. Its children are in its group and notice its end by themselves.
  server_->WaitForEnd(absl::Seconds(10));
}

// Signals the postmaster first, so that it starts no more children, then all processes whose parent
// it is.
void PostgresCluster::SignalAll(int signal) {
  kill(postmaster_pid(), signal);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    pid_t pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    std::ifstream file(entry.path() / "stat");
    std::string stat;
    std::getline(file, stat);
    // The format is "pid (name) state parent"; the name may contain anything.
    const size_t behind_name = stat.rfind(')');
    if (behind_name == std::string::npos) continue;
    const std::vector<std::string> fields =
        absl::StrSplit(stat.substr(behind_name + 1), ' ', absl::SkipEmpty());
    pid_t parent = 0;
    if (fields.size() > 1 && absl::SimpleAtoi(fields[1], &parent) && parent == postmaster_pid()) {
      kill(pid, signal);
    }
  }
}

std::string PostgresCluster::TcpDsnWithPassword(const std::string& password) const {
  return absl::StrCat(server_->tcp_conninfo(), " password=", password);
}

}  // namespace syncline::testing

#include "tests/support/postgres_cluster.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status_macros.h"
#include "tests/support/free_port.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {
namespace {

std::string BinDirectory() {
  const char* const directory = std::getenv("SYNCLINE_TEST_POSTGRES_BIN");
  return directory == nullptr ? "" : directory;
}

}  // namespace

PostgresCluster::PostgresCluster(std::string directory, PostgresClusterOptions options)
    : directory_(std::move(directory)), options_(std::move(options)), port_(FreePort()) {}

absl::StatusOr<std::unique_ptr<PostgresCluster>> PostgresCluster::Create(
    PostgresClusterOptions options) {
  std::unique_ptr<PostgresCluster> cluster(
      new PostgresCluster(MakeTemporaryDirectory("cluster"), std::move(options)));
  SYNCLINE_RETURN_IF_ERROR(cluster->Start());
  return cluster;
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
  options.port = port_;
  options.bin_directory = BinDirectory();
  options.settings = options_.settings;
  if (!options_.fsync) {
    options.settings.emplace_back("fsync", "off");
    options.initdb_arguments.emplace_back("--no-sync");
  }
  SYNCLINE_ASSIGN_OR_RETURN(server_, postgres::EmbeddedServer::Start(std::move(options)));
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

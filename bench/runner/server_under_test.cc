#include "bench/runner/server_under_test.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "bench/runner/program.h"

namespace syncline::bench {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr absl::Duration kStopTimeout = absl::Seconds(30);
constexpr absl::Duration kPoll = absl::Milliseconds(20);

// Returns the gRPC port from the port file, which is one JSON object, or 0 if it is not there.
int GrpcPort(const std::string& ports) {
  const size_t at = ports.find("\"grpc_port\":");
  if (at == std::string::npos) return 0;
  const size_t begin = at + sizeof("\"grpc_port\":") - 1;
  int port = 0;
  return absl::SimpleAtoi(ports.substr(begin, ports.find_first_of(",}", begin) - begin), &port)
             ? port
             : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ServerUnderTest>> ServerUnderTest::Start(
    const std::string& dsn, const std::string& directory, const std::vector<std::string>& flags) {
  const std::string port_file = absl::StrCat(directory, "/ports.json");
  const std::string log_file = absl::StrCat(directory, "/server.log");
  unlink(port_file.c_str());
  const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  ChildProcessOptions options;
  options.arguments = {SYNCLINE_SERVER_BINARY, "--postgres_dsn=" + dsn, "--listen=127.0.0.1:0",
                       "--metrics_listen=127.0.0.1:0", "--port_file=" + port_file};
  options.arguments.insert(options.arguments.end(), flags.begin(), flags.end());
  options.stdout_fd = log;
  options.stderr_fd = log;
  options.parent_death_signal = SIGTERM;
  std::unique_ptr<ServerUnderTest> server(new ServerUnderTest());
  absl::StatusOr<std::unique_ptr<ChildProcess>> child = ChildProcess::Start(options);
  if (log >= 0) close(log);
  SYNCLINE_RETURN_IF_ERROR(child.status());
  server->child_ = *std::move(child);
  const absl::Time deadline = absl::Now() + kStartTimeout;
  while (absl::Now() < deadline) {
    if (const int port = GrpcPort(ReadFile(port_file).value_or("")); port > 0) {
      server->address_ = absl::StrCat("127.0.0.1:", port);
      return server;
    }
    if (server->child_->Wait(kPoll).has_value()) break;
  }
  return absl::InternalError(
      absl::StrCat("the server did not start serving: ", ReadFile(log_file).value_or("")));
}

ServerUnderTest::~ServerUnderTest() {
  if (child_ == nullptr) return;
  child_->Signal(SIGTERM);
  child_->Wait(kStopTimeout);
}

}  // namespace syncline::bench

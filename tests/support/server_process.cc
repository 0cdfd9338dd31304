#include "tests/support/server_process.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tests/support/loopback_address.h"

namespace syncline::testing {
namespace {

constexpr absl::Duration kStartTimeout = absl::Seconds(60);
constexpr size_t kPrintedLogBytes = 32 << 10;
constexpr absl::Duration kPoll = absl::Milliseconds(5);

// Returns the number after "name": in the port file's JSON, or 0 if it is missing.
int PortIn(const std::string& json, absl::string_view name) {
  const size_t at = json.find(absl::StrCat("\"", name, "\":"));
  if (at == std::string::npos) return 0;
  const size_t begin = at + name.size() + 3;
  int port = 0;
  const std::string digits = json.substr(begin, json.find_first_of(",}", begin) - begin);
  return absl::SimpleAtoi(digits, &port) ? port : 0;
}

// Returns the response to one HTTP/1.0 request to 127.0.0.1, or an empty string if there is none.
std::string Get(int port, absl::string_view path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = LoopbackAddress(port);
  std::string answer;
  const std::string request =
      absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(request.size())) {
    char buffer[16384];
    for (ssize_t n = 0; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
  }
  close(fd);
  return answer;
}

// A flag may be given once: this one takes the place of an earlier one with its name.
void SetFlag(const std::string& flag, std::vector<std::string>& arguments) {
  const std::string name = flag.substr(0, flag.find('=')) + "=";
  for (std::string& argument : arguments) {
    if (absl::StartsWith(argument, name)) {
      argument = flag;
      return;
    }
  }
  arguments.push_back(flag);
}

}  // namespace

ServerProcess::ServerProcess(const ServerProcessOptions& options)
    : options_(options), directory_("server") {}

absl::StatusOr<std::unique_ptr<ServerProcess>> ServerProcess::Start(
    const ServerProcessOptions& options) {
  std::unique_ptr<ServerProcess> server(new ServerProcess(options));
  if (!options.dsn.empty()) {
    std::ofstream(server->directory_.Path("dsn")) << options.dsn << "\n";
  }
  SYNCLINE_RETURN_IF_ERROR(server->Launch());
  return server;
}

ServerProcess::~ServerProcess() {
  if (process_ != nullptr) process_->Kill();
  if (::testing::Test::HasFailure()) {
    std::string log = Log();
    if (log.size() > kPrintedLogBytes) log.erase(0, log.size() - kPrintedLogBytes);
    std::fprintf(stderr, "--- log of the server at %s\n%s---\n", address().c_str(), log.c_str());
  }
}

absl::Status ServerProcess::Launch() {
  const std::string port_file = directory_.Path("ports");
  unlink(port_file.c_str());
  ProcessOptions process;
  process.environment = {{kFailpointFileVariable, directory_.Path("failpoint")}};
  process.arguments = {options_.failpoints ? SYNCLINE_FAULT_SERVER_BINARY : SYNCLINE_SERVER_BINARY,
                       absl::StrCat("--listen=127.0.0.1:", reserved_grpc_port_.port()),
                       absl::StrCat("--metrics_listen=127.0.0.1:", reserved_metrics_port_.port()),
                       absl::StrCat("--ledger_schema=", options_.ledger_schema),
                       absl::StrCat("--port_file=", port_file)};
  if (!options_.dsn.empty()) {
    process.arguments.push_back(absl::StrCat("--postgres_dsn_file=", directory_.Path("dsn")));
  }
  for (const std::string& flag : options_.flags) SetFlag(flag, process.arguments);
  if (!options_.launcher.empty()) {
    // The server may run as another user.
    chmod(directory_.Path("").c_str(), 0777);
    process.arguments.insert(process.arguments.begin(), options_.launcher.begin(),
                             options_.launcher.end());
  }
  if (process_ != nullptr) absl::StrAppend(&earlier_log_, process_->Stderr());
  SYNCLINE_ASSIGN_OR_RETURN(process_, Process::Start(process));
  SYNCLINE_RETURN_IF_ERROR(WaitForPorts(absl::Now() + kStartTimeout));
  return options_.wait_until_serving ? WaitUntilServing(kStartTimeout) : absl::OkStatus();
}

absl::Status ServerProcess::WaitForPorts(absl::Time deadline) {
  while (absl::Now() < deadline) {
    const std::string ports = ReadFile(directory_.Path("ports")).value_or("");
    if (!ports.empty()) {
      grpc_port_ = PortIn(ports, "grpc_port");
      metrics_port_ = PortIn(ports, "metrics_port");
      return absl::OkStatus();
    }
    if (const std::optional<int> code = Wait(kPoll)) {
      return absl::FailedPreconditionError(
          absl::StrCat("the server ended with code ", *code, ":\n", process_->Stderr()));
    }
  }
  return absl::DeadlineExceededError("the server wrote no port file");
}

absl::Status ServerProcess::WaitUntilServing(absl::Duration timeout) {
  const std::unique_ptr<client::SyncClient> client = Client();
  const absl::Time deadline = absl::Now() + timeout;
  absl::Status health = client->CheckHealth();
  while (!health.ok() && absl::Now() < deadline) {
    if (const std::optional<int> code = Wait(kPoll)) {
      return absl::FailedPreconditionError(absl::StrCat("the server ended with code ", *code));
    }
    health = client->CheckHealth();
  }
  if (health.ok()) return health;
  return absl::DeadlineExceededError(absl::StrCat("not serving: ", health.ToString()));
}

void ServerProcess::Kill9() { process_->Kill(); }

absl::Status ServerProcess::Restart() {
  if (running()) Kill9();
  Disarm();
  return Launch();
}

void ServerProcess::Arm(absl::string_view name, FailpointAction action, int64_t hit) {
  armed_ = {armed_.serial + 1, std::string(name), action, hit};
  // The server reads either all of the order or none of it.
  const std::string next = directory_.Path("failpoint.next");
  std::ofstream(next) << armed_.ToString();
  std::filesystem::rename(next, directory_.Path("failpoint"));
}

void ServerProcess::Disarm() { unlink(directory_.Path("failpoint").c_str()); }

bool ServerProcess::WaitForFailpoint(absl::Duration timeout) {
  return process_->WaitForStderr(FailpointReachedLine(armed_), timeout);
}

int64_t ServerProcess::PeakBytes() const {
  std::ifstream status(absl::StrCat("/proc/", pid(), "/status"));
  for (std::string line; std::getline(status, line);) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    int64_t kibibytes = 0;
    if (words[0] == "VmHWM:" && absl::SimpleAtoi(words[1], &kibibytes)) return kibibytes << 10;
  }
  ADD_FAILURE() << "no VmHWM";
  return 0;
}

std::string ServerProcess::address() const { return absl::StrCat("127.0.0.1:", grpc_port_); }

std::string ServerProcess::Metrics() const {
  const std::string answer = Get(metrics_port_, "/metrics");
  const size_t body = answer.find("\r\n\r\n");
  return body == std::string::npos ? "" : answer.substr(body + 4);
}

int ServerProcess::HttpStatus(absl::string_view path) const {
  // The response begins with "HTTP/1.0 200 OK".
  const std::string answer = Get(metrics_port_, path);
  int code = 0;
  return answer.size() > 12 && absl::SimpleAtoi(answer.substr(9, 3), &code) ? code : 0;
}

std::unique_ptr<client::SyncClient> ServerProcess::Client() const {
  client::ConnectionOptions options;
  options.server = address();
  absl::StatusOr<std::unique_ptr<client::SyncClient>> made = client::SyncClient::Create(options);
  EXPECT_TRUE(made.ok()) << made.status();
  return made.ok() ? *std::move(made) : nullptr;
}

std::string ServerProcess::Log() const {
  return absl::StrCat(earlier_log_, process_ == nullptr ? "" : process_->Stderr());
}

}  // namespace syncline::testing

#include "server/postgres/embedded/embedded_server.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/child_process.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/embedded/descriptor.h"
#include "server/postgres/embedded/free_port.h"
#include "server/postgres/embedded/leftover_server.h"
#include "server/postgres/embedded/postgres_installation.h"
#include "server/postgres/embedded/private_files.h"

namespace syncline::postgres {
namespace {

constexpr char kSuperuser[] = "postgres";
// A path in sockaddr_un has at most 107 bytes, of which the socket's own name uses at most 15.
constexpr size_t kMaxSocketDirectoryBytes = 107 - 15;
constexpr int kPortAttempts = 3;
constexpr absl::Duration kImmediateTimeout = absl::Seconds(10);

// Loading writes much WAL in bursts, so checkpoints are fewer and larger. Settings that keep data
// safe have PostgreSQL's defaults.
constexpr std::pair<const char*, const char*> kTuning[] = {
    {"shared_buffers", "128MB"},       {"max_wal_size", "4GB"},
    {"checkpoint_timeout", "15min"},   {"checkpoint_completion_target", "0.9"},
    {"maintenance_work_mem", "128MB"}, {"timezone", "UTC"},
    {"log_timezone", "UTC"},           {"logging_collector", "off"},
};

std::string Quoted(absl::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted.push_back('\\');
    quoted.push_back(c);
  }
  return quoted + "'";
}

}  // namespace

struct EmbeddedServer::State {
  explicit State(EmbeddedServerOptions given) : options(std::move(given)) {}

  std::string Path(absl::string_view name) const {
    return absl::StrCat(options.directory, "/", name);
  }
  std::string conninfo() const {
    return absl::StrCat("host=", Quoted(socket_directory), " port=", port, " user=", kSuperuser,
                        " dbname=postgres");
  }
  absl::Duration TimeLeft() const { return deadline - absl::Now(); }

  absl::Status Prepare();
  absl::Status Lock();
  absl::Status MakePassword() const;
  absl::Status Initialize();
  absl::Status PickSocketDirectory();
  absl::StatusOr<Descriptor> OpenLog(absl::string_view name) const;
  absl::Status Launch();
  absl::Status WaitUntilReady();
  absl::Status Run();
  absl::Status Failure(absl::string_view what, const std::string& log) const;

  EmbeddedServerOptions options;
  absl::Time deadline;
  PostgresInstallation postgres;
  Descriptor lock;
  std::string socket_directory;
  bool temporary_socket_directory = false;
  int port = 0;
  std::unique_ptr<ChildProcess> process;
};

absl::Status EmbeddedServer::State::Failure(absl::string_view what, const std::string& log) const {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(what, " (", log, "): ", LastLine(log)),
                   {.reason = reason::kEmbeddedStart});
}

absl::Status EmbeddedServer::State::Prepare() {
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::absolute(options.directory, error);
  if (!error) std::filesystem::create_directories(directory.parent_path(), error);
  if (error) return DirectoryError("create", options.directory, error.value());
  options.directory = directory.lexically_normal().string();
  while (options.directory.size() > 1 && options.directory.back() == '/') {
    options.directory.pop_back();
  }
  SYNCLINE_ASSIGN_OR_RETURN(
      postgres, FindPostgres(options.bin_directory, FirstLine(Path("data/PG_VERSION"))));
  const bool is_ours = std::filesystem::exists(Path("lock"), error);
  const bool has_files = std::filesystem::is_directory(options.directory, error) &&
                         !std::filesystem::is_empty(options.directory, error);
  if (has_files && !is_ours) {
    return DirectoryError("use", options.directory, ENOTEMPTY);
  }
  SYNCLINE_RETURN_IF_ERROR(MakePrivateDirectory(options.directory, postgres));
  SYNCLINE_RETURN_IF_ERROR(Lock());
  SYNCLINE_RETURN_IF_ERROR(MakePrivateDirectory(Path("log"), postgres));
  return PickSocketDirectory();
}

// The lock is held until Stop. The kernel releases it even after a SIGKILL.
absl::Status EmbeddedServer::State::Lock() {
  lock = Descriptor(open(Path("lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (lock.get() < 0) return DirectoryError("open", Path("lock"), errno);
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("another process is running the database in ", options.directory),
                   {.reason = reason::kEmbeddedInUse});
}

absl::StatusOr<Descriptor> EmbeddedServer::State::OpenLog(absl::string_view name) const {
  const std::string path = Path(name);
  Descriptor log(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (log.get() < 0) return DirectoryError("open", path, errno);
  return log;
}

absl::Status EmbeddedServer::State::MakePassword() const {
  std::array<char, 24> random = {};
  if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size())) {
    return DirectoryError("create a password for", options.directory, errno);
  }
  const std::string password = absl::BytesToHexString({random.data(), random.size()});
  return WritePrivateFile(Path("password"), absl::StrCat(password, "\n"), postgres);
}

// initdb writes to a directory of another name, which is renamed at the end, so that an incomplete
// cluster is never used.
absl::Status EmbeddedServer::State::Initialize() {
  std::error_code error;
  if (std::filesystem::exists(Path("data/PG_VERSION"), error)) return absl::OkStatus();
  const std::string unfinished = Path("data.new");
  std::filesystem::remove_all(unfinished, error);
  SYNCLINE_RETURN_IF_ERROR(MakePassword());
  SYNCLINE_ASSIGN_OR_RETURN(const Descriptor log, OpenLog("log/initdb.log"));
  std::vector<std::string> arguments = {postgres.Program("initdb"),
                                        "--pgdata",
                                        unfinished,
                                        "--username",
                                        kSuperuser,
                                        "--encoding=UTF8",
                                        "--locale=C.UTF-8",
                                        "--auth-local=trust",
                                        "--auth-host=scram-sha-256",
                                        "--pwfile",
                                        Path("password"),
                                        "--no-instructions"};
  arguments.insert(arguments.end(), options.initdb_arguments.begin(),
                   options.initdb_arguments.end());
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<ChildProcess> initdb,
                            ChildProcess::Start({.arguments = std::move(arguments),
                                                 .stdout_fd = log.get(),
                                                 .stderr_fd = log.get(),
                                                 .run_as = postgres.run_as,
                                                 .parent_death_signal = SIGTERM}));
  const std::optional<int> code = initdb->Wait(TimeLeft());
  if (code != 0) return Failure("cannot create the database cluster", Path("log/initdb.log"));
  std::filesystem::rename(unfinished, Path("data"), error);
  if (error) return DirectoryError("rename", unfinished, error.value());
  return absl::OkStatus();
}

absl::Status EmbeddedServer::State::PickSocketDirectory() {
  socket_directory = Path("run");
  if (socket_directory.size() <= kMaxSocketDirectoryBytes) {
    return MakePrivateDirectory(socket_directory, postgres);
  }
  std::string name = "/tmp/syncline-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) return DirectoryError("create", name, errno);
  socket_directory = name;
  temporary_socket_directory = true;
  return MakePrivateDirectory(socket_directory, postgres);
}

absl::Status EmbeddedServer::State::Launch() {
  std::vector<std::string> arguments = {postgres.Program("postgres"), "-D", Path("data")};
  const auto set = [&](absl::string_view name, absl::string_view value) {
    arguments.emplace_back("-c");
    arguments.push_back(absl::StrCat(name, "=", value));
  };
  for (const auto& [name, value] : kTuning) set(name, value);
  // PostgreSQL uses the last value of a setting: the caller's settings override the tuning, but not
  // those that follow.
  for (const auto& [name, value] : options.settings) set(name, value);
  set("listen_addresses", "127.0.0.1");
  set("port", absl::StrCat(port));
  set("unix_socket_directories", absl::StrCat("\"", socket_directory, "\""));
  set("unix_socket_permissions", "0700");
  SYNCLINE_ASSIGN_OR_RETURN(const Descriptor log, OpenLog("log/postgresql.log"));
  SYNCLINE_ASSIGN_OR_RETURN(process, ChildProcess::Start({.arguments = std::move(arguments),
                                                          .stdout_fd = log.get(),
                                                          .stderr_fd = log.get(),
                                                          .run_as = postgres.run_as,
                                                          .parent_death_signal = SIGINT}));
  return absl::OkStatus();
}

absl::Status EmbeddedServer::State::WaitUntilReady() {
  const std::string target = absl::StrCat(conninfo(), " connect_timeout=2");
  while (PQping(target.c_str()) != PQPING_OK) {
    if (process->Wait(absl::Milliseconds(50)).has_value()) {
      return Failure("the database did not start", Path("log/postgresql.log"));
    }
    if (TimeLeft() <= absl::ZeroDuration()) {
      return MakeError(absl::StatusCode::kDeadlineExceeded,
                       absl::StrCat("the database did not respond in time; see ", Path("log")),
                       {.reason = reason::kEmbeddedStart});
    }
  }
  return absl::OkStatus();
}

absl::Status EmbeddedServer::State::Run() {
  SYNCLINE_RETURN_IF_ERROR(Prepare());
  SYNCLINE_RETURN_IF_ERROR(StopLeftoverServer(Path("data"), TimeLeft()));
  SYNCLINE_RETURN_IF_ERROR(Initialize());
  port = options.port;
  int last_port = 0;
  // Reuses the port of the last run, so that addresses that users have noted stay valid.
  if (port == 0 && absl::SimpleAtoi(FirstLine(Path("port")), &last_port) && last_port > 0 &&
      PortIsFree(last_port)) {
    port = last_port;
  }
  absl::Status status;
  for (int attempt = 0; attempt < kPortAttempts; ++attempt) {
    if (port == 0) port = FreePort();
    SYNCLINE_RETURN_IF_ERROR(Launch());
    status = WaitUntilReady();
    if (status.ok()) return WritePrivateFile(Path("port"), absl::StrCat(port, "\n"), postgres);
    if (options.port != 0 || PortIsFree(port)) return status;
    port = 0;
  }
  return status;
}

EmbeddedServer::EmbeddedServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

EmbeddedServer::~EmbeddedServer() { Stop(); }

absl::StatusOr<std::unique_ptr<EmbeddedServer>> EmbeddedServer::Start(
    EmbeddedServerOptions options) {
  std::unique_ptr<EmbeddedServer> server(
      new EmbeddedServer(std::make_unique<State>(std::move(options))));
  server->state_->deadline = absl::Now() + server->state_->options.start_timeout;
  SYNCLINE_RETURN_IF_ERROR(server->state_->Run());
  return server;
}

std::string EmbeddedServer::conninfo() const { return state_->conninfo(); }

std::string EmbeddedServer::tcp_conninfo() const {
  return absl::StrCat("host=127.0.0.1 port=", state_->port, " user=", kSuperuser,
                      " dbname=postgres");
}

int EmbeddedServer::port() const { return state_->port; }
const std::string& EmbeddedServer::socket_directory() const { return state_->socket_directory; }
std::string EmbeddedServer::password_file() const { return state_->Path("password"); }
std::string EmbeddedServer::log_file() const { return state_->Path("log/postgresql.log"); }
pid_t EmbeddedServer::pid() const { return state_->process->pid(); }
bool EmbeddedServer::WaitForEnd(absl::Duration timeout) {
  return state_->process == nullptr || state_->process->Wait(timeout).has_value();
}

void EmbeddedServer::Stop(StopMode mode) {
  State& state = *state_;
  if (running()) {
    std::optional<int> ended;
    if (mode == StopMode::kFast) {
      state.process->Signal(SIGINT);
      ended = state.process->Wait(state.options.stop_timeout);
      if (!ended) Log(LogLevel::kWarning, "embedded_postgres_stops_slowly");
    }
    if (!ended) {
      state.process->Signal(SIGQUIT);
      ended = state.process->Wait(kImmediateTimeout);
    }
    if (!ended) {
      state.process->KillGroup();
      state.process->Wait(kImmediateTimeout);
    }
  }
  state.lock = Descriptor();
  if (state.temporary_socket_directory) {
    std::error_code error;
    std::filesystem::remove_all(state.socket_directory, error);
    state.temporary_socket_directory = false;
  }
}

}  // namespace syncline::postgres

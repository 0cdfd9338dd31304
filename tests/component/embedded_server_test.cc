// The embedded PostgreSQL: it starts, keeps its data, survives kills, and restricts access.
#include "server/postgres/embedded/embedded_server.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/child_process.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/embedded/postgres_installation.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temporary_directory.h"

namespace syncline::postgres {
namespace {

using absl::StatusCode;
using testing::StatusIs;

class EmbeddedServerTest : public ::testing::Test {
 protected:
  EmbeddedServerTest() : parent_("embedded") {}

  // A user's options, but without fsync: waiting for the disk would take most of the time of these
  // tests.
  EmbeddedServerOptions Options() const {
    EmbeddedServerOptions options;
    options.directory = parent_.Path("db");
    options.settings = {{"fsync", "off"}};
    options.initdb_arguments = {"--no-sync"};
    return options;
  }

  static std::string Value(const EmbeddedServer& server, absl::string_view sql) {
    ConnectionOptions options;
    options.conninfo = server.conninfo();
    absl::StatusOr<std::unique_ptr<Connection>> connection = Connection::Open(options);
    if (!connection.ok()) return connection.status().ToString();
    absl::StatusOr<Result> result = (*connection)->Query(sql, {});
    if (!result.ok()) return result.status().ToString();
    return result->empty() ? "" : result->Text(0, 0);
  }

  static mode_t ModeOf(const std::string& path) {
    struct stat info = {};
    return stat(path.c_str(), &info) == 0 ? info.st_mode & 0777 : 0;
  }

  testing::TemporaryDirectory parent_;
};

TEST_F(EmbeddedServerTest, KeepsDataAndPortAcrossRuns) {
  EmbeddedServerOptions options = Options();
  options.settings.clear();
  ASSERT_OK_AND_ASSIGN(auto server, EmbeddedServer::Start(options));
  EXPECT_EQ(Value(*server, "CREATE TABLE public.kept AS SELECT 42 AS n"), "");
  EXPECT_EQ(Value(*server, "SHOW server_encoding"), "UTF8");
  EXPECT_EQ(Value(*server, "SHOW fsync"), "on");
  EXPECT_EQ(Value(*server, "SHOW full_page_writes"), "on");
  EXPECT_EQ(Value(*server, "SHOW synchronous_commit"), "on");
  EXPECT_EQ(Value(*server, "SHOW max_wal_size"), "4GB");
  const int port = server->port();
  EXPECT_GT(port, 0);
  server->Stop();
  EXPECT_FALSE(server->running());
  server->Stop();
  ASSERT_OK_AND_ASSIGN(server, EmbeddedServer::Start(Options()));
  EXPECT_EQ(Value(*server, "SELECT n FROM public.kept"), "42");
  EXPECT_EQ(server->port(), port);
}

TEST_F(EmbeddedServerTest, RestrictsAccess) {
  ASSERT_OK_AND_ASSIGN(const auto server, EmbeddedServer::Start(Options()));
  for (const char* name : {"", "/data", "/log", "/run"}) {
    EXPECT_EQ(ModeOf(absl::StrCat(parent_.Path("db"), name)), 0700u) << name;
  }
  EXPECT_EQ(ModeOf(server->password_file()), 0600u);
  EXPECT_EQ(Value(*server, "SHOW listen_addresses"), "127.0.0.1");
  EXPECT_FALSE(absl::StrContains(server->tcp_conninfo(), "password"));
  ConnectionOptions options;
  options.conninfo = absl::StrCat(server->tcp_conninfo(), " passfile=/nonexistent");
  EXPECT_THAT(Connection::Open(options), StatusIs(StatusCode::kFailedPrecondition, "DB_AUTH"));
  std::string password;
  std::ifstream(server->password_file()) >> password;
  EXPECT_EQ(password.size(), 48u);
  options.conninfo = absl::StrCat(server->tcp_conninfo(), " password=", password);
  EXPECT_OK(Connection::Open(options));
}

TEST_F(EmbeddedServerTest, OneProcessPerDirectory) {
  ASSERT_OK_AND_ASSIGN(const auto server, EmbeddedServer::Start(Options()));
  EXPECT_THAT(EmbeddedServer::Start(Options()),
              StatusIs(StatusCode::kFailedPrecondition, "EMBEDDED_IN_USE"));
  EXPECT_EQ(Value(*server, "SELECT 1"), "1");
}

TEST_F(EmbeddedServerTest, RecoversAfterPostmasterKill) {
  ASSERT_OK_AND_ASSIGN(auto server, EmbeddedServer::Start(Options()));
  EXPECT_EQ(Value(*server, "CREATE TABLE public.kept AS SELECT 42 AS n"), "");
  kill(server->pid(), SIGKILL);
  ASSERT_TRUE(server->WaitForEnd(absl::Seconds(30)));
  ASSERT_TRUE(std::filesystem::exists(parent_.Path("db/data/postmaster.pid")));
  server.reset();
  ASSERT_OK_AND_ASSIGN(server, EmbeddedServer::Start(Options()));
  EXPECT_EQ(Value(*server, "SELECT n FROM public.kept"), "42");
}

TEST_F(EmbeddedServerTest, SurvivesBackendKill) {
  ASSERT_OK_AND_ASSIGN(const auto server, EmbeddedServer::Start(Options()));
  ConnectionOptions options;
  options.conninfo = server->conninfo();
  ASSERT_OK_AND_ASSIGN(const auto victim, Connection::Open(options));
  ASSERT_OK(victim->Execute("CREATE TABLE public.kept AS SELECT 42 AS n"));
  ASSERT_OK_AND_ASSIGN(const Result pid, victim->Query("SELECT pg_backend_pid()", {}));
  ASSERT_EQ(kill(static_cast<pid_t>(pid.Int(0, 0)), SIGKILL), 0);
  EXPECT_THAT(victim->WaitForNotifications(absl::Seconds(30)), StatusIs(StatusCode::kUnavailable));
  // The cluster restarts its sessions. Until then it refuses connections, and callers see this
  // error.
  std::string value;
  while ((value = Value(*server, "SELECT n FROM public.kept")) != "42") {
    ASSERT_TRUE(absl::StrContains(value, "UNAVAILABLE")) << value;
  }
  EXPECT_TRUE(server->running());
}

// Leaves a postmaster that outlived its parent: it is started without the death signal, as if
// setting that signal had failed.
TEST_F(EmbeddedServerTest, StopsOrphanedPostmaster) {
  ASSERT_OK_AND_ASSIGN(auto server, EmbeddedServer::Start(Options()));
  EXPECT_EQ(Value(*server, "CREATE TABLE public.kept AS SELECT 42 AS n"), "");
  const std::string socket_directory = server->socket_directory();
  const std::string port = absl::StrCat(server->port());
  server.reset();
  ASSERT_OK_AND_ASSIGN(const PostgresInstallation postgres, FindPostgres("", ""));
  ASSERT_OK_AND_ASSIGN(const auto orphan,
                       ChildProcess::Start({.arguments = {postgres.Program("postgres"), "-D",
                                                          parent_.Path("db/data"), "-p", port, "-k",
                                                          socket_directory},
                                            .run_as = postgres.run_as}));
  while (!std::filesystem::exists(absl::StrCat(socket_directory, "/.s.PGSQL.", port, ".lock"))) {
    ASSERT_TRUE(orphan->running());
  }
  ASSERT_OK_AND_ASSIGN(server, EmbeddedServer::Start(Options()));
  EXPECT_TRUE(orphan->Wait(absl::Seconds(30)).has_value());
  EXPECT_EQ(Value(*server, "SELECT n FROM public.kept"), "42");
}

TEST_F(EmbeddedServerTest, IgnoresPidFileOfAnotherProgram) {
  ASSERT_OK_AND_ASSIGN(auto server, EmbeddedServer::Start(Options()));
  server.reset();
  // The pid of a running process that the database's user may signal.
  ASSERT_OK_AND_ASSIGN(const PostgresInstallation postgres, FindPostgres("", ""));
  ASSERT_OK_AND_ASSIGN(const auto sleeper, ChildProcess::Start({.arguments = {"sleep", "600"},
                                                                .run_as = postgres.run_as}));
  std::ofstream(parent_.Path("db/data/postmaster.pid"))
      << sleeper->pid() << "\n"
      << parent_.Path("db/data") << "\n1\n1\n\n\n1 1\n";
  EXPECT_OK(EmbeddedServer::Start(Options()));
  EXPECT_TRUE(sleeper->running());
}

TEST_F(EmbeddedServerTest, StopsWhenItsParentIsKilled) {
  int pids[2] = {};
  ASSERT_EQ(pipe(pids), 0);
  const pid_t owner = fork();
  if (owner == 0) {
    absl::StatusOr<std::unique_ptr<EmbeddedServer>> own = EmbeddedServer::Start(Options());
    const pid_t pid = own.ok() ? (*own)->pid() : 0;
    const bool sent = write(pids[1], &pid, sizeof(pid)) == sizeof(pid);
    while (sent) pause();
    _exit(1);
  }
  pid_t postmaster = 0;
  ASSERT_EQ(read(pids[0], &postmaster, sizeof(postmaster)),
            static_cast<ssize_t>(sizeof(postmaster)));
  ASSERT_GT(postmaster, 0);
  const int watch = static_cast<int>(syscall(SYS_pidfd_open, postmaster, 0));
  ASSERT_GE(watch, 0);
  kill(owner, SIGKILL);
  waitpid(owner, nullptr, 0);
  pollfd ended = {};
  ended.fd = watch;
  ended.events = POLLIN;
  EXPECT_EQ(poll(&ended, 1, 60'000), 1) << "the database outlived its owner";
  EXPECT_FALSE(std::filesystem::exists(parent_.Path("db/data/postmaster.pid")))
      << "not a clean shutdown";
  close(watch);
  close(pids[0]);
  close(pids[1]);
}

TEST_F(EmbeddedServerTest, LongPathPutsSocketElsewhere) {
  EmbeddedServerOptions options = Options();
  options.directory = absl::StrCat(parent_.path(), "/", std::string(100, 'd'), "/it's");
  std::string socket_directory;
  {
    ASSERT_OK_AND_ASSIGN(const auto server, EmbeddedServer::Start(options));
    socket_directory = server->socket_directory();
    EXPECT_EQ(ModeOf(socket_directory), 0700u);
    EXPECT_EQ(Value(*server, "SELECT 1"), "1");
  }
  EXPECT_FALSE(std::filesystem::exists(socket_directory));
}

TEST_F(EmbeddedServerTest, ReportsStartErrors) {
  EmbeddedServerOptions options = Options();
  options.bin_directory = "/nonexistent";
  EXPECT_THAT(EmbeddedServer::Start(options),
              StatusIs(StatusCode::kFailedPrecondition, "POSTGRES_MISSING"));
  options = Options();
  options.settings = {{"shared_buffers", "much"}};
  const absl::Status bad = EmbeddedServer::Start(options).status();
  EXPECT_THAT(bad, StatusIs(StatusCode::kFailedPrecondition, "EMBEDDED_START"));
  EXPECT_TRUE(absl::StrContains(bad.message(), "shared_buffers")) << bad;
  options.directory = parent_.Path("full");
  std::filesystem::create_directory(options.directory);
  std::ofstream(parent_.Path("full/letter.txt")) << "mine";
  EXPECT_THAT(EmbeddedServer::Start(options),
              StatusIs(StatusCode::kFailedPrecondition, "EMBEDDED_DIRECTORY"));
  EXPECT_TRUE(std::filesystem::exists(parent_.Path("full/letter.txt")));
}

}  // namespace
}  // namespace syncline::postgres

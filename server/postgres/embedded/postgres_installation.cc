#include "server/postgres/embedded/postgres_installation.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"

namespace syncline::postgres {
namespace {

constexpr char kDebianDirectory[] = "/usr/lib/postgresql";
constexpr char kUser[] = "postgres";

bool HasServer(const std::string& bin_directory) {
  return access(absl::StrCat(bin_directory, "/postgres").c_str(), X_OK) == 0 &&
         access(absl::StrCat(bin_directory, "/initdb").c_str(), X_OK) == 0;
}

// Returns the directories /usr/lib/postgresql/<version>/bin, newest version first.
std::vector<std::string> DebianDirectories(absl::string_view major_version) {
  std::vector<std::pair<int, std::string>> found;
  std::error_code error;
  for (std::filesystem::directory_iterator at(kDebianDirectory, error), end; !error && at != end;
       at.increment(error)) {
    const std::string version = at->path().filename().string();
    int number = 0;
    if (!absl::SimpleAtoi(version, &number)) continue;
    if (major_version.empty() || major_version == version) {
      found.emplace_back(number, (at->path() / "bin").string());
    }
  }
  std::sort(found.rbegin(), found.rend());
  std::vector<std::string> directories;
  directories.reserve(found.size());
  for (auto& [number, directory] : found) directories.push_back(std::move(directory));
  return directories;
}

// Returns the output of `pg_config OPTION`, or an empty string if it cannot be run.
std::string RunPgConfig(const std::string& option) {
  std::array<int, 2> output = {};
  if (pipe2(output.data(), O_CLOEXEC) != 0) return "";
  absl::StatusOr<std::unique_ptr<ChildProcess>> child =
      ChildProcess::Start({.arguments = {"pg_config", option}, .stdout_fd = output[1]});
  close(output[1]);
  std::string text;
  std::array<char, 512> buffer;
  while (child.ok()) {
    const ssize_t got = read(output[0], buffer.data(), buffer.size());
    if (got <= 0) break;
    text.append(buffer.data(), static_cast<size_t>(got));
  }
  close(output[0]);
  absl::StripAsciiWhitespace(&text);
  return text;
}

absl::StatusOr<std::string> FindDirectory(absl::string_view bin_directory,
                                          absl::string_view major_version) {
  std::vector<std::string> candidates;
  if (!bin_directory.empty()) {
    candidates.emplace_back(bin_directory);
  } else {
    candidates = DebianDirectories(major_version);
    if (major_version.empty() ||
        RunPgConfig("--version").find(absl::StrCat(" ", major_version, ".")) != std::string::npos) {
      candidates.push_back(RunPgConfig("--bindir"));
    }
  }
  for (std::string& candidate : candidates) {
    if (HasServer(candidate)) return std::move(candidate);
  }
  const std::string package =
      major_version.empty() ? "postgresql" : absl::StrCat("postgresql-", major_version);
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("no PostgreSQL server on this machine: install the package ",
                                package, " or specify an existing database instead"),
                   {.reason = reason::kPostgresMissing});
}

}  // namespace

std::string PostgresInstallation::Program(absl::string_view name) const {
  return absl::StrCat(bin_directory, "/", name);
}

absl::StatusOr<PostgresInstallation> FindPostgres(absl::string_view bin_directory,
                                                  absl::string_view major_version) {
  PostgresInstallation installation;
  SYNCLINE_ASSIGN_OR_RETURN(installation.bin_directory,
                            FindDirectory(bin_directory, major_version));
  if (geteuid() != 0) return installation;
  absl::StatusOr<ProcessIdentity> identity = FindIdentity(kUser);
  if (!identity.ok()) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "PostgreSQL cannot run as root and this machine has no user \"postgres\": "
                     "start the server as another user",
                     {.reason = reason::kPostgresUserMissing});
  }
  installation.run_as = *std::move(identity);
  return installation;
}

}  // namespace syncline::postgres

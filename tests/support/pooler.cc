#include "tests/support/pooler.h"

#include <libpq-fe.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/time.h"
#include "base/status_macros.h"

namespace syncline::testing {
namespace {

constexpr char kProgram[] = "/usr/sbin/pgbouncer";
constexpr absl::Duration kStartTimeout = absl::Seconds(20);

std::string Quoted(absl::string_view value) {
  return absl::StrCat("'", absl::StrReplaceAll(value, {{"'", "''"}}), "'");
}

absl::StatusOr<std::map<std::string, std::string>> Parse(const std::string& dsn) {
  PQconninfoOption* const options = PQconninfoParse(dsn.c_str(), nullptr);
  if (options == nullptr) return absl::InvalidArgumentError("the DSN cannot be parsed");
  std::map<std::string, std::string> values;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) values[option->keyword] = option->val;
  }
  PQconninfoFree(options);
  return values;
}

// PgBouncer does not run as root. It runs as the owner of the database's socket directory, which
// may be closed to others.
std::vector<std::string> Launcher(const std::string& host) {
  if (geteuid() != 0) return {};
  struct stat owner = {};
  if (!absl::StartsWith(host, "/") || stat(host.c_str(), &owner) != 0 || owner.st_uid == 0) {
    return {"setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"};
  }
  return {"setpriv", absl::StrCat("--reuid=", owner.st_uid), absl::StrCat("--regid=", owner.st_gid),
          "--clear-groups"};
}

}  // namespace

bool Pooler::Installed() { return access(kProgram, X_OK) == 0; }

absl::StatusOr<std::unique_ptr<Pooler>> Pooler::Start(
    const std::string& dsn, absl::string_view mode,
    const std::vector<std::pair<std::string, std::string>>& settings) {
  SYNCLINE_ASSIGN_OR_RETURN(auto values, Parse(dsn));
  std::unique_ptr<Pooler> pooler(new Pooler());
  const std::string file = pooler->directory_.Path("pgbouncer.ini");
  std::ofstream config(file);
  config << "[databases]\n*=";
  for (const char* key : {"host", "port", "user", "password"}) {
    if (!values[key].empty()) config << " " << key << "=" << Quoted(values[key]);
  }
  config << "\n[pgbouncer]\nlisten_addr=127.0.0.1\nlisten_port=" << pooler->port_.port()
         << "\nunix_socket_dir=\nauth_type=any\npool_mode=" << mode << "\nmax_client_conn=300\n";
  std::map<std::string, std::string> all(settings.begin(), settings.end());
  all.emplace("default_pool_size", "100");
  for (const auto& [name, value] : all) config << name << "=" << value << "\n";
  config.close();
  ProcessOptions process;
  process.arguments = Launcher(values["host"]);
  process.arguments.insert(process.arguments.end(), {kProgram, file});
  SYNCLINE_ASSIGN_OR_RETURN(pooler->process_, Process::Start(process));
  if (!pooler->process_->WaitForStderr("process up", kStartTimeout)) {
    return absl::InternalError("PgBouncer did not start: " + pooler->process_->Stderr());
  }
  pooler->dsn_ =
      absl::StrCat("host=127.0.0.1 port=", pooler->port_.port(), " user=", Quoted(values["user"]),
                   " dbname=", Quoted(values["dbname"]));
  return pooler;
}

}  // namespace syncline::testing

#include "client/direct/direct_server.h"

#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/random_bytes.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "client/usage_error.h"
#include "server/app.h"
#include "server/config/config.h"
#include "server/config/dsn_secret.h"

namespace syncline::client {
namespace {

constexpr size_t kTokenBytes = 32;

// Returns the first fault that the server's configuration has, without the name of the program.
absl::Status FirstFault(const std::string& faults) {
  absl::string_view fault = faults;
  fault = fault.substr(0, fault.find('\n'));
  absl::ConsumePrefix(&fault, "syncline-server: ");
  return UsageError(fault);
}

}  // namespace

absl::StatusOr<std::unique_ptr<DirectServer>> DirectServer::Start(const DirectDatabase& database) {
  if (database.conninfo_is_public && config::HoldsSecret(database.conninfo)) {
    return UsageError(
        "--postgres_dsn contains a password, and every user of this machine can read a command "
        "line; use --postgres_dsn_file, or leave the password to PGPASSWORD or ~/.pgpass");
  }
  std::vector<std::string> arguments = {"--listen=127.0.0.1:0",
                                        "--metrics_listen=", "--log_level=error"};
  if (!database.conninfo_file.empty()) {
    arguments.push_back(absl::StrCat("--postgres_dsn_file=", database.conninfo_file));
  }
  if (!database.embedded_directory.empty()) {
    arguments.push_back(absl::StrCat("--embedded_postgres=", database.embedded_directory));
  }
  // This server does not use the environment variables of a standalone server.
  const config::Environment environment =
      [&](const std::string& name) -> std::optional<std::string> {
    if (name == "SYNCLINE_POSTGRES_DSN" && !database.conninfo.empty()) return database.conninfo;
    return std::nullopt;
  };
  std::ostringstream faults;
  config::Loaded loaded = config::Load(arguments, environment, faults, faults);
  if (!loaded.config.has_value()) return FirstFault(faults.str());
  const std::string token = absl::WebSafeBase64Escape(RandomBytes(kTokenBytes));
  AccessToken access;
  access.identity.name = "direct";
  access.digest = Sha256Hex(token);
  loaded.config->auth.tokens = {access};
  SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<App> app, App::Create(*loaded.config));
  ConnectionOptions connection;
  connection.server = absl::StrCat("127.0.0.1:", app->grpc_port());
  connection.token = token;
  return std::unique_ptr<DirectServer>(new DirectServer(std::move(app), std::move(connection)));
}

DirectServer::DirectServer(std::unique_ptr<App> app, ConnectionOptions connection)
    : app_(std::move(app)), connection_(std::move(connection)) {}

DirectServer::~DirectServer() = default;

}  // namespace syncline::client

#include "client/direct/direct_server.h"

#include <iostream>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/random_bytes.h"
#include "base/sha256.h"
#include "base/status_macros.h"
#include "server/app.h"
#include "server/config/config.h"

namespace syncline::client {
namespace {

constexpr size_t kTokenBytes = 32;

std::string ConnectionString(const DirectTarget& target) {
  std::string text;
  for (const auto& [key, value] :
       std::vector<std::pair<const char*, std::string>>{{"host", target.host},
                                                        {"port", absl::StrCat(target.port)},
                                                        {"dbname", target.database},
                                                        {"user", target.username},
                                                        {"password", target.password},
                                                        {"sslmode", target.ssl_mode}}) {
    if (value.empty()) continue;
    absl::StrAppend(&text, key, "='", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}),
                    "' ");
  }
  return text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DirectServer>> DirectServer::Start(const DirectTarget& target) {
  // This server does not use the environment variables of a standalone server.
  const config::Environment environment =
      [&](const std::string& name) -> std::optional<std::string> {
    if (name == "SYNCLINE_POSTGRES_DSN") return ConnectionString(target);
    return std::nullopt;
  };
  config::Loaded loaded =
      config::Load({"--listen=127.0.0.1:0", "--metrics_listen=", "--log_level=warning"},
                   environment, std::cerr, std::cerr);
  if (!loaded.config.has_value()) return absl::InternalError("the server's defaults are invalid");
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

#include "client/airbyte/open_destination.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace syncline::client {
namespace {

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

absl::StatusOr<Destination> OpenDestination(const DestinationConfig& config) {
  if (!config.direct.has_value()) return Destination::Open(config.connection);
  DirectDatabase database;
  database.conninfo = ConnectionString(*config.direct);
  return Destination::OpenDirect(database, config.direct->host, config.connection.timeout);
}

}  // namespace syncline::client

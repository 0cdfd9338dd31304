#include "client/airbyte/open_destination.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status_macros.h"
#include "client/airbyte/memory_file.h"

namespace syncline::client {
namespace {

// Parameters of libpq, by name.
using Parameters = std::vector<std::pair<const char*, std::string>>;

std::string ConnectionString(const Parameters& parameters) {
  std::string text;
  for (const auto& [key, value] : parameters) {
    if (value.empty()) continue;
    absl::StrAppend(&text, key, "='", absl::StrReplaceAll(value, {{"\\", "\\\\"}, {"'", "\\'"}}),
                    "' ");
  }
  return text;
}

// Adds the PEM texts, which libpq reads from files. These stay until the process ends, because
// every new connection reads them.
absl::Status AddCertificates(const DirectTarget& target, Parameters* parameters) {
  for (const auto& [key, text] : Parameters{{"sslrootcert", target.ca_certificate},
                                            {"sslcert", target.client_certificate},
                                            {"sslkey", target.client_key}}) {
    if (text.empty()) continue;
    SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<MemoryFile> file, MemoryFile::Create(text));
    parameters->emplace_back(key, file.release()->path());
  }
  parameters->emplace_back("sslpassword", target.client_key_password);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Destination> OpenDestination(const DestinationConfig& config) {
  if (!config.direct.has_value()) return Destination::Open(config.connection);
  const DirectTarget& target = *config.direct;
  Parameters parameters = {{"host", target.host},         {"port", absl::StrCat(target.port)},
                           {"dbname", target.database},   {"user", target.username},
                           {"password", target.password}, {"sslmode", target.ssl_mode}};
  SYNCLINE_RETURN_IF_ERROR(AddCertificates(target, &parameters));
  DirectDatabase database;
  database.conninfo = ConnectionString(parameters);
  return Destination::OpenDirect(database, config.direct->host, config.connection.timeout);
}

}  // namespace syncline::client

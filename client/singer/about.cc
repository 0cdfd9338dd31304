#include "client/singer/about.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/json_string.h"
#include "base/version.h"

namespace syncline::client {
namespace {

struct Setting {
  const char* name;
  const char* type;  // of JSON Schema
  const char* description;
  const char* details = "";  // further members of the JSON Schema
};

constexpr Setting kSettings[] = {
    {"host", "string", "Host of the PostgreSQL server. The target then needs no syncline-server."},
    {"port", "integer", "Port of the PostgreSQL server.", ",\"default\":5432"},
    {"database", "string", "Name of the database."},
    {"username", "string", "Role that loads the data."},
    {"password", "string", "Password of the role.", ",\"secret\":true"},
    {"ssl_mode", "string", "How the connection to PostgreSQL is encrypted.",
     ",\"enum\":[\"disable\",\"allow\",\"prefer\",\"require\",\"verify-ca\",\"verify-full\"]"},
    {"server", "string", "Address of a syncline-server, instead of a host."},
    {"token", "string", "Token that the server requires.", ",\"secret\":true"},
    {"token_file", "string", "File with the token that the server requires."},
    {"tls", "object", "TLS of the connection to the server; members as of syncline spec."},
    {"schema", "string", "Schema of the tables.", ",\"default\":\"public\""},
    {"default_target_schema", "string", "The same, under the name that Meltano uses."},
    {"connection_id", "string", "Owner of the target tables: another connection cannot load them."},
    {"load_method", "string", "How records become rows.",
     ",\"enum\":[\"append-only\",\"upsert\",\"overwrite\"],\"default\":\"upsert\""},
    {"add_record_metadata", "boolean", "Add the columns _sdc_*.", ",\"default\":false"},
    {"hard_delete", "boolean",
     "ACTIVATE_VERSION removes the rows of older versions instead of marking them as deleted.",
     ",\"default\":false"},
    {"schema_policy", "string",
     "Column that a stream no longer has: keep it, drop it, or refuse any difference.",
     ",\"enum\":[\"keep\",\"mirror\",\"freeze\"],\"default\":\"keep\""},
    {"replace_strategy", "string", "How a table is replaced.",
     ",\"enum\":[\"auto\",\"swap\",\"in_place\"],\"default\":\"auto\""},
    {"complete_without_status", "boolean",
     "Replace tables even if the tap's last message is no STATE.", ",\"default\":false"},
    {"fail_on_rejected", "boolean",
     "Exit with code 3 if records were rejected, instead of only counting them.",
     ",\"default\":false"},
};

constexpr char kCapabilities[] =
    R"(["about","target-schema","activate-version","hard-delete","batch"])";

}  // namespace

std::string AboutJson() {
  std::string properties;
  for (const Setting& setting : kSettings) {
    absl::StrAppend(&properties, properties.empty() ? "" : ",", JsonString(setting.name),
                    ":{\"type\":[\"", setting.type,
                    "\",\"null\"],\"description\":", JsonString(setting.description),
                    setting.details, "}");
  }
  return absl::StrCat(
      "{\"name\":\"target-syncline\",\"description\":\"Loads Singer streams into PostgreSQL, "
      "exactly once.\",\"version\":",
      JsonString(Version()), ",\"capabilities\":", kCapabilities,
      ",\"settings\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{",
      properties, "}}}");
}

std::string AboutText() {
  std::string text =
      absl::StrCat("target-syncline ", Version(), "\nCapabilities: ", kCapabilities, "\nSettings:");
  for (const Setting& setting : kSettings) {
    absl::StrAppendFormat(&text, "\n  %-24s %s", setting.name, setting.description);
  }
  return text;
}

}  // namespace syncline::client

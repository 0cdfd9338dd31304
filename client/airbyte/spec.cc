#include "client/airbyte/spec.h"

#include "absl/strings/string_view.h"

namespace syncline::client {
namespace {

// Joins the lines of the specification below, which is split only for readability.
std::string OneLine(absl::string_view text) {
  std::string line;
  bool at_start = true;
  for (const char c : text) {
    if (c == '\n') {
      at_start = true;
    } else if (!at_start || c != ' ') {
      at_start = false;
      line.push_back(c);
    }
  }
  return line;
}

constexpr absl::string_view kSpec = R"json(
{"type":"SPEC","spec":{
  "documentationUrl":"https://docs.airbyte.com/understanding-airbyte/airbyte-protocol",
  "connectionSpecification":{
    "$schema":"http://json-schema.org/draft-07/schema#",
    "title":"Syncline Destination Spec",
    "type":"object",
    "required":[],
    "additionalProperties":false,
    "properties":{
      "host":{"type":"string","title":"Host","order":0,
        "description":"Host of the PostgreSQL server. The connector then needs no syncline-server."},
      "port":{"type":"integer","title":"Port","order":1,"default":5432,
        "minimum":1,"maximum":65535,"description":"Port of the PostgreSQL server."},
      "database":{"type":"string","title":"Database","order":2,
        "description":"Name of the database."},
      "username":{"type":"string","title":"User","order":3,
        "description":"Role that loads the data."},
      "password":{"type":"string","title":"Password","order":4,"airbyte_secret":true,
        "description":"Password of the role."},
      "ssl_mode":{"type":"string","title":"SSL mode","order":5,
        "enum":["disable","allow","prefer","require","verify-ca","verify-full"],"default":"prefer",
        "description":"How the connection to PostgreSQL is encrypted."},
      "schema":{"type":"string","title":"Default schema","order":6,"default":"public",
        "description":"Schema for streams that have no namespace."},
      "server":{"type":"string","title":"Server","order":7,
        "description":"Address of a syncline-server, instead of a host: it has its own PostgreSQL server.",
        "examples":["127.0.0.1:50051"]},
      "token":{"type":"string","title":"Token","order":8,"airbyte_secret":true,
        "description":"Token that the server requires."},
      "connection_id":{"type":"string","title":"Connection id","order":9,
        "description":"Owner of the target tables: another connection cannot load them."},
      "token_file":{"type":"string","title":"Token file","order":10,
        "description":"File with the token that the server requires."},
      "tls":{"type":"object","title":"TLS","order":11,"properties":{
        "enabled":{"type":"boolean","default":true,
          "description":"Use TLS. On by default if this object is given."},
        "ca_file":{"type":"string","description":"Certificates to trust (PEM)."},
        "cert_file":{"type":"string","description":"Client certificate for mutual TLS (PEM)."},
        "key_file":{"type":"string","description":"Private key of the client certificate (PEM)."},
        "ca_certificate":{"type":"string","airbyte_secret":true,"multiline":true,
          "description":"Certificates to trust, as PEM text."},
        "client_certificate":{"type":"string","airbyte_secret":true,"multiline":true,
          "description":"Client certificate for mutual TLS, as PEM text."},
        "client_key":{"type":"string","airbyte_secret":true,"multiline":true,
          "description":"Private key of the client certificate, as PEM text."},
        "server_name":{"type":"string",
          "description":"Name in the server's certificate, if it differs from the address."}}},
      "schema_policy":{"type":"string","title":"Schema policy","order":12,
        "enum":["keep","mirror","freeze"],"default":"keep",
        "description":"Column that a stream no longer has: keep it, drop it, or refuse any difference."},
      "cdc_delete_mode":{"type":"string","title":"Deletions of CDC sources","order":13,
        "enum":["hard","soft"],"default":"hard",
        "description":"hard deletes the row; soft keeps it and sets _ab_cdc_deleted_at."},
      "complete_without_status":{"type":"boolean","title":"Complete without status","order":14,
        "default":false,
        "description":"Replace tables even if the source sends neither a status nor a final STATE."},
      "fail_on_rejected":{"type":"boolean","title":"Fail on rejected records","order":15,
        "default":false,
        "description":"Exit with code 3 if records were rejected, instead of only counting them."},
      "replace_strategy":{"type":"string","title":"Replace strategy","order":16,
        "enum":["auto","swap","in_place"],"default":"auto",
        "description":"How a table is replaced: swap exchanges it, in_place changes its rows."}}},
  "supportsIncremental":true,
  "supportsNormalization":false,
  "supportsDBT":false,
  "supported_destination_sync_modes":["append","overwrite","append_dedup"]}}
)json";

}  // namespace

std::string SpecMessage() { return OneLine(kSpec); }

}  // namespace syncline::client

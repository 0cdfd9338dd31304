#include "client/airbyte/spec.h"

#include "absl/strings/string_view.h"

namespace syncline::client {
namespace {

// One line of JSON: the specification's text below is written over several for its readers.
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
    "additionalProperties":true,
    "properties":{
      "host":{"type":"string","title":"Host","order":0,
        "description":"Host of the PostgreSQL to load into, by a server that runs inside the connector."},
      "port":{"type":"integer","title":"Port","order":1,"default":5432,
        "minimum":1,"maximum":65535,"description":"Port of the PostgreSQL."},
      "database":{"type":"string","title":"Database","order":2,
        "description":"Name of the database."},
      "username":{"type":"string","title":"User","order":3,
        "description":"Role that loads."},
      "password":{"type":"string","title":"Password","order":4,"airbyte_secret":true,
        "description":"Password of the role."},
      "ssl_mode":{"type":"string","title":"SSL mode","order":5,
        "enum":["disable","allow","prefer","require","verify-ca","verify-full"],"default":"prefer",
        "description":"How the connection to PostgreSQL is encrypted."},
      "schema":{"type":"string","title":"Default schema","order":6,"default":"public",
        "description":"Schema for streams that have no namespace."},
      "server":{"type":"string","title":"Server","order":7,
        "description":"Address of a syncline-server, instead of a host: it has a PostgreSQL of its own.",
        "examples":["127.0.0.1:50051"]},
      "token":{"type":"string","title":"Token","order":8,"airbyte_secret":true,
        "description":"The token that the server asks for."},
      "connection_id":{"type":"string","title":"Connection id","order":9,
        "description":"Owner of the target tables: another connection cannot load them."},
      "token_file":{"type":"string","title":"Token file","order":10,
        "description":"File with the token that the server asks for."},
      "tls":{"type":"object","title":"TLS","order":11,"properties":{
        "enabled":{"type":"boolean","default":true,
          "description":"Use TLS. It is on when this object is given."},
        "ca_file":{"type":"string","description":"Certificates to trust (PEM)."},
        "cert_file":{"type":"string","description":"Own certificate for mutual TLS (PEM)."},
        "key_file":{"type":"string","description":"Key of the own certificate (PEM)."},
        "server_name":{"type":"string",
          "description":"Name in the server's certificate, when it is not the address."}}},
      "schema_policy":{"type":"string","title":"Schema policy","order":12,
        "enum":["keep","mirror","freeze"],"default":"keep",
        "description":"A column that a stream no longer has: keep it, drop it, or refuse every difference."},
      "cdc_delete_mode":{"type":"string","title":"Deletions of CDC sources","order":13,
        "enum":["hard","soft"],"default":"hard",
        "description":"hard deletes the row; soft keeps it and sets _ab_cdc_deleted_at."},
      "complete_without_status":{"type":"boolean","title":"Complete without status","order":14,
        "default":false,
        "description":"Replace tables also when the source sends neither a status nor a last STATE."},
      "fail_on_rejected":{"type":"boolean","title":"Fail on rejected records","order":15,
        "default":false,
        "description":"Exit with code 3 when records were rejected, instead of only counting them."}}},
  "supportsIncremental":true,
  "supportsNormalization":false,
  "supportsDBT":false,
  "supported_destination_sync_modes":["append","overwrite","append_dedup"]}}
)json";

}  // namespace

std::string SpecMessage() { return OneLine(kSpec); }

}  // namespace syncline::client

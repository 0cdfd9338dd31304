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
    "required":["server"],
    "additionalProperties":true,
    "properties":{
      "server":{"type":"string","title":"Server","order":0,
        "description":"Address of the syncline-server.","examples":["127.0.0.1:50051"]},
      "schema":{"type":"string","title":"Default schema","order":1,"default":"public",
        "description":"Schema for streams that have no namespace."},
      "connection_id":{"type":"string","title":"Connection id","order":2,
        "description":"Owner of the target tables: another connection cannot load them."},
      "token_file":{"type":"string","title":"Token file","order":3,
        "description":"File with the token that the server asks for."},
      "tls":{"type":"object","title":"TLS","order":4,"properties":{
        "enabled":{"type":"boolean","default":true,
          "description":"Use TLS. It is on when this object is given."},
        "ca_file":{"type":"string","description":"Certificates to trust (PEM)."},
        "cert_file":{"type":"string","description":"Own certificate for mutual TLS (PEM)."},
        "key_file":{"type":"string","description":"Key of the own certificate (PEM)."},
        "server_name":{"type":"string",
          "description":"Name in the server's certificate, when it is not the address."}}},
      "schema_policy":{"type":"string","title":"Schema policy","order":5,
        "enum":["keep","mirror","freeze"],"default":"keep",
        "description":"A column that a stream no longer has: keep it, drop it, or refuse every difference."},
      "cdc_delete_mode":{"type":"string","title":"Deletions of CDC sources","order":6,
        "enum":["hard","soft"],"default":"hard",
        "description":"hard deletes the row; soft keeps it and sets _ab_cdc_deleted_at."},
      "complete_without_status":{"type":"boolean","title":"Complete without status","order":7,
        "default":false,
        "description":"Replace tables also when the source sends neither a status nor a last STATE."},
      "fail_on_rejected":{"type":"boolean","title":"Fail on rejected records","order":8,
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

#include "client/airbyte/messages.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/json_text.h"

namespace syncline::client {
namespace {

std::optional<JsonText> ObjectMember(const std::optional<JsonText>& value, absl::string_view key) {
  if (!value.has_value()) return std::nullopt;
  const auto member = FindMember(*value, key);
  if (!member.has_value() || member->kind != JsonKind::kObject) return std::nullopt;
  return member;
}

std::string StringMember(const JsonText& value, absl::string_view key) {
  const auto member = FindMember(value, key);
  return member.has_value() && member->kind == JsonKind::kString ? UnescapeJson(*member) : "";
}

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
          "description":"Name in the server's certificate, when it is not the address."}}}}},
  "supportsIncremental":true,
  "supportsNormalization":false,
  "supportsDBT":false,
  "supported_destination_sync_modes":["append","overwrite","append_dedup"]}}
)json";

absl::string_view FailureName(FailureType type) {
  switch (type) {
    case FailureType::kSystem:
      return "system_error";
    case FailureType::kConfig:
      return "config_error";
    case FailureType::kTransient:
      return "transient_error";
  }
  return "";
}

}  // namespace

std::optional<StateMessage> ReadState(absl::string_view line) {
  const auto state = ObjectMember(ParseJson(line), "state");
  if (!state.has_value()) return std::nullopt;
  StateMessage message;
  const std::string type = StringMember(*state, "type");
  if (type == "GLOBAL") {
    message.kind = StateKind::kGlobal;
  } else if (type == "STREAM") {
    message.kind = StateKind::kStream;
    const auto descriptor = ObjectMember(ObjectMember(state, "stream"), "stream_descriptor");
    if (!descriptor.has_value()) return std::nullopt;
    message.name = StringMember(*descriptor, "name");
    message.name_space = StringMember(*descriptor, "namespace");
  } else if (!type.empty() && type != "LEGACY") {
    return std::nullopt;
  }
  return message;
}

std::string WithDestinationStats(absl::string_view line, int64_t records) {
  const std::string stats = absl::StrCat("{\"recordCount\":", records, ".0}");
  const auto state = ObjectMember(ParseJson(line), "state");
  if (!state.has_value()) return std::string(line);
  const auto before = [line](const char* at) {
    return line.substr(0, static_cast<size_t>(at - line.data()));
  };
  const auto from = [line](const char* at) {
    return line.substr(static_cast<size_t>(at - line.data()));
  };
  if (const auto old = FindMember(*state, "destinationStats"); old.has_value()) {
    return absl::StrCat(before(old->raw.data()), stats, from(old->raw.data() + old->raw.size()));
  }
  // Right behind the last member, or behind the bracket of an empty state.
  const char* const bracket = state->raw.data() + state->raw.size() - 1;
  const char* behind = bracket;
  while (absl::ascii_isspace(static_cast<unsigned char>(behind[-1]))) --behind;
  const bool empty = behind == state->raw.data() + 1;
  return absl::StrCat(before(behind), empty ? "" : ",", "\"destinationStats\":", stats,
                      from(behind));
}

std::optional<TraceMessage> ReadTrace(absl::string_view line) {
  const auto trace = ObjectMember(ParseJson(line), "trace");
  if (!trace.has_value()) return std::nullopt;
  TraceMessage message;
  const std::string type = StringMember(*trace, "type");
  if (type == "ERROR") message.kind = TraceKind::kError;
  if (type != "STREAM_STATUS") return message;
  const auto status = ObjectMember(trace, "stream_status");
  const auto descriptor = ObjectMember(status, "stream_descriptor");
  if (!descriptor.has_value()) return std::nullopt;
  message.name = StringMember(*descriptor, "name");
  message.name_space = StringMember(*descriptor, "namespace");
  const std::string value = StringMember(*status, "status");
  message.kind = value == "COMPLETE"     ? TraceKind::kComplete
                 : value == "INCOMPLETE" ? TraceKind::kIncomplete
                                         : TraceKind::kOtherStatus;
  return message;
}

std::string TraceErrorMessage(absl::string_view words, FailureType type, int64_t now_ms) {
  return absl::StrCat("{\"type\":\"TRACE\",\"trace\":{\"type\":\"ERROR\",\"emitted_at\":", now_ms,
                      ".0,\"error\":{\"message\":", JsonString(words),
                      ",\"internal_message\":", JsonString(words), ",\"failure_type\":\"",
                      FailureName(type), "\"}}}");
}

std::string ConnectionStatusMessage(bool succeeded, absl::string_view words) {
  return absl::StrCat("{\"type\":\"CONNECTION_STATUS\",\"connectionStatus\":{\"status\":\"",
                      succeeded ? "SUCCEEDED" : "FAILED", "\"",
                      words.empty() ? "" : absl::StrCat(",\"message\":", JsonString(words)), "}}");
}

std::string SpecMessage() { return OneLine(kSpec); }

}  // namespace syncline::client

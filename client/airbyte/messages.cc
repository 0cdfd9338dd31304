#include "client/airbyte/messages.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/json_string.h"
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

// Returns whether `body` contains nothing from which a source could resume.
bool IsEmptyBody(const std::optional<JsonText>& body) {
  if (!body.has_value() || body->kind == JsonKind::kNull) return true;
  if (body->kind != JsonKind::kObject) return false;
  bool empty = true;
  ForEachMember(*body, [&empty](absl::string_view key, JsonText) {
    if (key != "__ab_no_cursor_state_message") empty = false;
  });
  return empty;
}

std::optional<JsonText> AnyMember(const std::optional<JsonText>& value, absl::string_view key) {
  return value.has_value() ? FindMember(*value, key) : std::nullopt;
}

bool AreEmptyBodies(const JsonText& stream_states) {
  if (stream_states.kind != JsonKind::kArray) return stream_states.kind == JsonKind::kNull;
  bool empty = true;
  ForEachElement(stream_states, [&empty](JsonText stream) {
    if (!IsEmptyBody(FindMember(stream, "stream_state"))) empty = false;
  });
  return empty;
}

bool IsEmptyGlobal(const std::optional<JsonText>& global) {
  if (!global.has_value()) return true;
  bool empty = true;
  ForEachMember(*global, [&empty](absl::string_view key, JsonText value) {
    const bool is_empty = key == "stream_states" ? AreEmptyBodies(value) : IsEmptyBody(value);
    if (!is_empty) empty = false;
  });
  return empty;
}

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
    message.empty = IsEmptyGlobal(ObjectMember(state, "global"));
  } else if (type == "STREAM") {
    message.kind = StateKind::kStream;
    const auto descriptor = ObjectMember(ObjectMember(state, "stream"), "stream_descriptor");
    if (!descriptor.has_value()) return std::nullopt;
    message.name = StringMember(*descriptor, "name");
    message.name_space = StringMember(*descriptor, "namespace");
    message.empty = IsEmptyBody(AnyMember(ObjectMember(state, "stream"), "stream_state"));
  } else if (type.empty() || type == "LEGACY") {
    message.empty = IsEmptyBody(AnyMember(state, "data"));
  } else {
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
  // After the last member, or after the opening bracket of an empty state.
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
  if (type == "ERROR") {
    message.kind = TraceKind::kError;
    if (const auto error = ObjectMember(trace, "error"); error.has_value()) {
      message.words = StringMember(*error, "message");
    }
  }
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

std::optional<std::string> ReadFatalLog(absl::string_view line) {
  const auto log = ObjectMember(ParseJson(line), "log");
  if (!log.has_value() || !absl::EqualsIgnoreCase(StringMember(*log, "level"), "FATAL")) {
    return std::nullopt;
  }
  return StringMember(*log, "message");
}

std::optional<std::string> ReadFailedConnection(absl::string_view line) {
  const auto status = ObjectMember(ParseJson(line), "connectionStatus");
  if (!status.has_value() || !absl::EqualsIgnoreCase(StringMember(*status, "status"), "FAILED")) {
    return std::nullopt;
  }
  return StringMember(*status, "message");
}

std::string TraceErrorMessage(absl::string_view words, FailureType type, int64_t now_ms,
                              const std::optional<StreamName>& stream) {
  const std::string descriptor =
      !stream.has_value()
          ? ""
          : absl::StrCat(",\"stream_descriptor\":{\"name\":", JsonString(stream->name),
                         stream->name_space.empty()
                             ? ""
                             : absl::StrCat(",\"namespace\":", JsonString(stream->name_space)),
                         "}");
  return absl::StrCat("{\"type\":\"TRACE\",\"trace\":{\"type\":\"ERROR\",\"emitted_at\":", now_ms,
                      ".0,\"error\":{\"message\":", JsonString(words),
                      ",\"internal_message\":", JsonString(words), ",\"failure_type\":\"",
                      FailureName(type), "\"", descriptor, "}}}");
}

std::string LogMessage(bool warning, absl::string_view words) {
  return absl::StrCat("{\"type\":\"LOG\",\"log\":{\"level\":\"", warning ? "WARN" : "INFO",
                      "\",\"message\":", JsonString(words), "}}");
}

std::string ConnectionStatusMessage(bool succeeded, absl::string_view words) {
  return absl::StrCat("{\"type\":\"CONNECTION_STATUS\",\"connectionStatus\":{\"status\":\"",
                      succeeded ? "SUCCEEDED" : "FAILED", "\"",
                      words.empty() ? "" : absl::StrCat(",\"message\":", JsonString(words)), "}}");
}

}  // namespace syncline::client

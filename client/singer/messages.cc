#include "client/singer/messages.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "client/json_text.h"
#include "client/record_scanner.h"

namespace syncline::client {
namespace {

absl::Status Missing(absl::string_view type, absl::string_view member) {
  return SingerError(reason::kSingerMessage,
                     absl::StrCat("a ", type, " message without \"", member, "\""));
}

// The members of a message before they are checked.
struct Members {
  std::optional<JsonText> type, stream, record, version, time_extracted, schema, key_properties,
      value, encoding, manifest;
};

absl::StatusOr<Members> ReadMembers(absl::string_view line) {
  Members members;
  const bool is_object = ScanRecord(line, [&](absl::string_view key, JsonText value) {
    if (key == "type") members.type = value;
    if (key == "stream") members.stream = value;
    if (key == "record") members.record = value;
    if (key == "version") members.version = value;
    if (key == "time_extracted") members.time_extracted = value;
    if (key == "schema") members.schema = value;
    if (key == "key_properties") members.key_properties = value;
    if (key == "value") members.value = value;
    if (key == "encoding") members.encoding = value;
    if (key == "manifest") members.manifest = value;
  });
  if (!is_object || !HasJsonGrammar(line)) {
    return SingerError(reason::kSingerNotJson, "the line is not a JSON object");
  }
  return members;
}

absl::Status ReadStream(const Members& members, absl::string_view type, SingerMessage* message) {
  if (members.stream.has_value() && members.stream->kind == JsonKind::kString) {
    message->stream = UnescapeJson(*members.stream);
  }
  return message->stream.empty() ? Missing(type, "stream") : absl::OkStatus();
}

absl::Status ReadVersion(const Members& members, SingerMessage* message) {
  if (!members.version.has_value() || members.version->kind == JsonKind::kNull) {
    return absl::OkStatus();
  }
  int64_t version = 0;
  if (members.version->kind != JsonKind::kNumber ||
      !absl::SimpleAtoi(members.version->raw, &version) || version < 0) {
    return SingerError(reason::kSingerMessage, "\"version\" must be a non-negative integer");
  }
  message->version = version;
  return absl::OkStatus();
}

// Reads a list of strings. Returns false for anything else.
bool ReadTexts(const JsonText& list, std::vector<std::string>* texts) {
  bool good = list.kind == JsonKind::kArray;
  if (!good) return false;
  ForEachElement(list, [&](JsonText element) {
    good = good && element.kind == JsonKind::kString;
    if (good) texts->push_back(UnescapeJson(element));
  });
  return good;
}

absl::Status ReadSchema(const Members& members, SingerMessage* message) {
  SYNCLINE_RETURN_IF_ERROR(ReadStream(members, "SCHEMA", message));
  if (!members.schema.has_value() || members.schema->kind != JsonKind::kObject) {
    return Missing("SCHEMA", "schema");
  }
  const auto properties = FindMember(*members.schema, "properties");
  if (!properties.has_value() || properties->kind != JsonKind::kObject) {
    return SingerError(
        reason::kSingerNoProperties,
        absl::StrCat("the schema of stream ", message->stream, " has no properties"));
  }
  message->schema = members.schema->raw;
  const auto& keys = members.key_properties;
  if (keys.has_value() && keys->kind != JsonKind::kNull &&
      !ReadTexts(*keys, &message->key_properties)) {
    return SingerError(reason::kSingerMessage, "\"key_properties\" must be a list of strings");
  }
  return absl::OkStatus();
}

absl::Status ReadRecord(const Members& members, SingerMessage* message) {
  SYNCLINE_RETURN_IF_ERROR(ReadStream(members, "RECORD", message));
  SYNCLINE_RETURN_IF_ERROR(ReadVersion(members, message));
  if (!members.record.has_value() || members.record->kind != JsonKind::kObject) {
    return Missing("RECORD", "record");
  }
  message->record = members.record->raw;
  if (members.time_extracted.has_value() && members.time_extracted->kind == JsonKind::kString) {
    message->time_extracted = UnescapeJson(*members.time_extracted);
  }
  return absl::OkStatus();
}

std::string TextOf(const JsonText& object, absl::string_view key) {
  const auto member = FindMember(object, key);
  return member.has_value() && member->kind == JsonKind::kString ? UnescapeJson(*member) : "";
}

absl::Status ReadBatch(const Members& members, SingerMessage* message) {
  SYNCLINE_RETURN_IF_ERROR(ReadStream(members, "BATCH", message));
  if (!members.encoding.has_value() || members.encoding->kind != JsonKind::kObject) {
    return Missing("BATCH", "encoding");
  }
  const std::string format = TextOf(*members.encoding, "format");
  if (format != "jsonl") {
    return SingerError(reason::kSingerBatch,
                       absl::StrCat("batches in the format \"", format,
                                    "\" are not supported, only jsonl; set it in the tap"));
  }
  const std::string compression = TextOf(*members.encoding, "compression");
  if (!compression.empty() && compression != "none" && compression != "gzip") {
    return SingerError(reason::kSingerBatch,
                       absl::StrCat("batches with the compression \"", compression,
                                    "\" are not supported, only gzip or none"));
  }
  if (!members.manifest.has_value() || !ReadTexts(*members.manifest, &message->manifest)) {
    return Missing("BATCH", "manifest");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SingerError(absl::string_view reason, absl::string_view message) {
  return MakeError(absl::StatusCode::kInvalidArgument, message, {.reason = std::string(reason)});
}

absl::StatusOr<SingerMessage> ReadSingerMessage(absl::string_view line) {
  SingerMessage message;
  if (line.find_first_not_of(" \t\r") == absl::string_view::npos) return message;
  SYNCLINE_ASSIGN_OR_RETURN(const Members members, ReadMembers(line));
  const absl::string_view type = members.type.has_value() ? members.type->raw : "";
  absl::Status read;
  if (type == "\"RECORD\"") {
    message.kind = SingerKind::kRecord;
    read = ReadRecord(members, &message);
  } else if (type == "\"SCHEMA\"") {
    message.kind = SingerKind::kSchema;
    read = ReadSchema(members, &message);
  } else if (type == "\"STATE\"") {
    message.kind = SingerKind::kState;
    if (!members.value.has_value()) return Missing("STATE", "value");
    message.state = members.value->raw;
  } else if (type == "\"ACTIVATE_VERSION\"") {
    message.kind = SingerKind::kActivateVersion;
    read = ReadStream(members, "ACTIVATE_VERSION", &message);
    if (read.ok()) read = ReadVersion(members, &message);
    if (read.ok() && !message.version.has_value()) return Missing("ACTIVATE_VERSION", "version");
  } else if (type == "\"BATCH\"") {
    message.kind = SingerKind::kBatch;
    read = ReadBatch(members, &message);
  } else {
    return SingerError(reason::kSingerMessage,
                       "\"type\" must be SCHEMA, RECORD, STATE, ACTIVATE_VERSION or BATCH");
  }
  SYNCLINE_RETURN_IF_ERROR(read);
  return message;
}

bool IsJsonObject(absl::string_view text) {
  return ScanRecord(text, [](absl::string_view, JsonText) {}) && HasJsonGrammar(text);
}

absl::Status CheckKey(absl::string_view record, const std::vector<std::string>& keys) {
  if (keys.empty()) return absl::OkStatus();
  std::vector<bool> found(keys.size());
  bool any_value = false;
  ScanRecord(record, [&](absl::string_view raw_key, JsonText value) {
    // Keys are compared unescaped; escapes are rare.
    const bool escaped = absl::StrContains(raw_key, '\\');
    const std::string unescaped =
        escaped ? UnescapeJson({JsonKind::kString, absl::StrCat("\"", raw_key, "\"")}) : "";
    const absl::string_view key = escaped ? absl::string_view(unescaped) : raw_key;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != key) continue;
      found[i] = true;
      any_value = any_value || value.kind != JsonKind::kNull;
    }
  });
  for (size_t i = 0; i < keys.size(); ++i) {
    if (found[i] && any_value) continue;
    return SingerError(reason::kSingerNoKey,
                       absl::StrCat("the record has no value for the key property ", keys[i]));
  }
  return absl::OkStatus();
}

}  // namespace syncline::client

#include "client/airbyte/config.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/json_text.h"
#include "client/name_hint.h"

namespace syncline::client {
namespace {

absl::Status Invalid(absl::string_view what, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(what, " ", why));
}

// Returns a member that may be missing or null.
std::optional<JsonText> Optional(const JsonText& object, absl::string_view key) {
  const auto member = FindMember(object, key);
  if (!member.has_value() || member->kind == JsonKind::kNull) return std::nullopt;
  return member;
}

absl::StatusOr<std::string> OptionalText(const JsonText& object, absl::string_view key) {
  const auto member = Optional(object, key);
  if (!member.has_value()) return std::string();
  if (member->kind != JsonKind::kString) return Invalid(key, "must be a string");
  return UnescapeJson(*member);
}

absl::StatusOr<std::optional<int64_t>> OptionalNumber(const JsonText& object,
                                                      absl::string_view key) {
  const auto member = Optional(object, key);
  if (!member.has_value()) return std::optional<int64_t>();
  int64_t value = 0;
  if (member->kind != JsonKind::kNumber || !absl::SimpleAtoi(member->raw, &value)) {
    return Invalid(key, "must be an integer");
  }
  return std::optional<int64_t>(value);
}

absl::StatusOr<bool> OptionalSwitch(const JsonText& object, absl::string_view key,
                                    bool default_value) {
  const auto member = Optional(object, key);
  if (!member.has_value()) return default_value;
  if (member->kind != JsonKind::kBoolean) return Invalid(key, "must be true or false");
  return member->raw == "true";
}

using Names = std::vector<std::string>;

// Refuses members of `object`, which messages call `path`, that have none of the names.
absl::Status CheckMembers(const JsonText& object, absl::string_view path, const Names& names) {
  absl::Status status;
  ForEachMember(object, [&](absl::string_view key, JsonText) {
    const std::string name(key);
    if (!status.ok() || std::find(names.begin(), names.end(), name) != names.end()) return;
    status = Invalid(absl::StrCat(path, name), absl::StrCat("is not a member of the configuration",
                                                            SuggestName(name, names)));
  });
  return status;
}

// gRPC and libpq would only report that the connection fails. Forms often lose the line breaks.
absl::Status CheckPem(absl::string_view member, absl::string_view text, absl::string_view advice) {
  const size_t begin = text.find("-----BEGIN ");
  if (text.empty() ||
      (begin != absl::string_view::npos && absl::StrContains(text.substr(begin), '\n'))) {
    return absl::OkStatus();
  }
  return Invalid(member, absl::StrCat("must be a PEM text with its line breaks", advice));
}

// A PEM text or the file that contains it.
absl::Status ReadPem(const JsonText& tls, absl::string_view text_key, absl::string_view file_key,
                     std::string* text, std::string* file) {
  SYNCLINE_ASSIGN_OR_RETURN(*text, OptionalText(tls, text_key));
  SYNCLINE_ASSIGN_OR_RETURN(*file, OptionalText(tls, file_key));
  SYNCLINE_RETURN_IF_ERROR(
      CheckPem(absl::StrCat("tls.", text_key), *text,
               absl::StrCat("; the name of a file belongs in tls.", file_key)));
  if (text->empty() || file->empty()) return absl::OkStatus();
  return Invalid(absl::StrCat("tls.", text_key),
                 absl::StrCat("and tls.", file_key, " exclude each other"));
}

absl::Status ReadTls(const JsonText& config, TlsOptions* tls) {
  const auto object = Optional(config, "tls");
  if (!object.has_value()) return absl::OkStatus();
  if (object->kind != JsonKind::kObject) return Invalid("tls", "must be an object");
  const auto enabled = OptionalSwitch(*object, "enabled", true);
  if (!enabled.ok()) return Invalid("tls.enabled", "must be true or false");
  tls->enabled = *enabled;
  SYNCLINE_RETURN_IF_ERROR(
      CheckMembers(*object, "tls.",
                   {"enabled", "ca_file", "cert_file", "key_file", "ca_certificate",
                    "client_certificate", "client_key", "server_name"}));
  SYNCLINE_RETURN_IF_ERROR(
      ReadPem(*object, "ca_certificate", "ca_file", &tls->ca_certificate, &tls->ca_file));
  SYNCLINE_RETURN_IF_ERROR(ReadPem(*object, "client_certificate", "cert_file",
                                   &tls->client_certificate, &tls->cert_file));
  SYNCLINE_RETURN_IF_ERROR(
      ReadPem(*object, "client_key", "key_file", &tls->client_key, &tls->key_file));
  SYNCLINE_ASSIGN_OR_RETURN(tls->server_name, OptionalText(*object, "server_name"));
  return absl::OkStatus();
}

absl::Status ReadCdcDeleteMode(const JsonText& object, DestinationConfig* config) {
  // Airbyte's own destinations use the other name.
  const absl::string_view key =
      Optional(object, "cdc_delete_mode").has_value() ? "cdc_delete_mode" : "cdc_deletion_mode";
  const absl::StatusOr<std::string> mode = OptionalText(object, key);
  SYNCLINE_RETURN_IF_ERROR(mode.status());
  if (*mode == "soft") {
    config->cdc_delete_mode = v1::CDC_DELETE_MODE_SOFT;
  } else if (!mode->empty() && *mode != "hard") {
    return Invalid(key, "must be hard or soft");
  }
  return absl::OkStatus();
}

absl::Status ReadPolicies(const JsonText& object, DestinationConfig* config) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string policy, OptionalText(object, "schema_policy"));
  if (policy == "mirror") {
    config->schema_policy = v1::SCHEMA_POLICY_MIRROR;
  } else if (policy == "freeze") {
    config->schema_policy = v1::SCHEMA_POLICY_FREEZE;
  } else if (!policy.empty() && policy != "keep") {
    return Invalid("schema_policy", "must be keep, mirror or freeze");
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::string strategy, OptionalText(object, "replace_strategy"));
  if (strategy == "swap") {
    config->replace_strategy = v1::REPLACE_STRATEGY_SWAP;
  } else if (strategy == "in_place") {
    config->replace_strategy = v1::REPLACE_STRATEGY_IN_PLACE;
  } else if (!strategy.empty() && strategy != "auto") {
    return Invalid("replace_strategy", "must be auto, swap or in_place");
  }
  return ReadCdcDeleteMode(object, config);
}

// Accepts "require" and, as platforms write it, {"mode": "require"} with PEM texts.
absl::Status ReadSslMode(const JsonText& object, DirectTarget* target) {
  auto member = Optional(object, "ssl_mode");
  if (!member.has_value()) return absl::OkStatus();
  if (member->kind == JsonKind::kObject) {
    const JsonText ssl = *member;
    SYNCLINE_RETURN_IF_ERROR(CheckMembers(
        ssl, "ssl_mode.",
        {"mode", "ca_certificate", "client_certificate", "client_key", "client_key_password"}));
    for (const auto& [key, text] : std::vector<std::pair<const char*, std::string*>>{
             {"ca_certificate", &target->ca_certificate},
             {"client_certificate", &target->client_certificate},
             {"client_key", &target->client_key}}) {
      SYNCLINE_ASSIGN_OR_RETURN(*text, OptionalText(ssl, key));
      SYNCLINE_RETURN_IF_ERROR(CheckPem(absl::StrCat("ssl_mode.", key), *text, ""));
    }
    SYNCLINE_ASSIGN_OR_RETURN(target->client_key_password,
                              OptionalText(ssl, "client_key_password"));
    member = Optional(ssl, "mode");
  }
  target->ssl_mode =
      member.has_value() && member->kind == JsonKind::kString ? UnescapeJson(*member) : "";
  for (const char* known : {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}) {
    if (target->ssl_mode == known) return absl::OkStatus();
  }
  return Invalid("ssl_mode", "must be disable, allow, prefer, require, verify-ca or verify-full");
}

absl::Status ReadDirect(const JsonText& object, DestinationConfig* config) {
  DirectTarget target;
  SYNCLINE_ASSIGN_OR_RETURN(target.host, OptionalText(object, "host"));
  if (target.host.empty()) return absl::OkStatus();
  if (!config->connection.server.empty()) {
    return Invalid("host", "and server exclude each other: give either a database or a server");
  }
  SYNCLINE_ASSIGN_OR_RETURN(const auto port, OptionalNumber(object, "port"));
  target.port = port.value_or(target.port);
  if (target.port < 1 || target.port > 65535) return Invalid("port", "must be from 1 to 65535");
  SYNCLINE_ASSIGN_OR_RETURN(target.database, OptionalText(object, "database"));
  if (target.database.empty()) return Invalid("database", "is missing");
  SYNCLINE_ASSIGN_OR_RETURN(target.username, OptionalText(object, "username"));
  if (target.username.empty()) return Invalid("username", "is missing");
  SYNCLINE_ASSIGN_OR_RETURN(target.password, OptionalText(object, "password"));
  SYNCLINE_RETURN_IF_ERROR(ReadSslMode(object, &target));
  config->direct = std::move(target);
  return absl::OkStatus();
}

// Accepts ["a"] and "a". Returns false for anything else.
bool ReadPath(const JsonText& value, v1::FieldPath* path) {
  if (value.kind == JsonKind::kString) {
    path->add_path(UnescapeJson(value));
    return true;
  }
  if (value.kind != JsonKind::kArray) return false;
  bool good = true;
  ForEachElement(value, [&](JsonText element) {
    if (element.kind == JsonKind::kString) {
      path->add_path(UnescapeJson(element));
    } else {
      good = false;
    }
  });
  return good;
}

bool IsEmptyArray(const JsonText& value) {
  bool empty = value.kind == JsonKind::kArray;
  if (empty) ForEachElement(value, [&empty](JsonText) { empty = false; });
  return empty;
}

// Returns the configured member or, if that is empty, the one that the source defines.
std::optional<JsonText> Configured(const JsonText& configured, absl::string_view key,
                                   const JsonText& stream, absl::string_view source_key) {
  const auto member = Optional(configured, key);
  if (member.has_value() && !IsEmptyArray(*member)) return member;
  const auto of_source = Optional(stream, source_key);
  return of_source.has_value() && !IsEmptyArray(*of_source) ? of_source : std::nullopt;
}

absl::Status ReadKeys(const JsonText& configured, const JsonText& stream,
                      v1::StreamConfig* config) {
  const auto key = Configured(configured, "primary_key", stream, "source_defined_primary_key");
  bool good = true;
  if (key.has_value()) {
    good = key->kind == JsonKind::kArray;
    if (good) {
      ForEachElement(
          *key, [&](JsonText path) { good = ReadPath(path, config->add_primary_key()) && good; });
    }
  }
  if (!good) return Invalid("primary_key", "must be a list of paths");
  const auto cursor = Configured(configured, "cursor_field", stream, "default_cursor_field");
  if (cursor.has_value() && !ReadPath(*cursor, config->mutable_cursor())) {
    return Invalid("cursor_field", "must be a path");
  }
  return absl::OkStatus();
}

// A full refresh starts over in every run, and so does the source of an overwrite.
absl::Status ReadReplay(const JsonText& configured, absl::string_view destination_mode,
                        v1::StreamConfig* config) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string mode, OptionalText(configured, "sync_mode"));
  if (!mode.empty() && mode != "full_refresh" && mode != "incremental") {
    return Invalid("sync_mode", "must be full_refresh or incremental");
  }
  const bool from_start = mode == "full_refresh" || destination_mode == "overwrite" ||
                          destination_mode == "overwrite_dedup";
  config->set_replay(from_start ? v1::REPLAY_FROM_START : v1::REPLAY_FROM_CHECKPOINT);
  return absl::OkStatus();
}

absl::Status ReadMode(const JsonText& configured, v1::StreamConfig* config) {
  SYNCLINE_ASSIGN_OR_RETURN(const auto generation, OptionalNumber(configured, "generation_id"));
  SYNCLINE_ASSIGN_OR_RETURN(const auto minimum,
                            OptionalNumber(configured, "minimum_generation_id"));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string mode,
                            OptionalText(configured, "destination_sync_mode"));
  if (mode != "append" && mode != "overwrite" && mode != "append_dedup" &&
      mode != "overwrite_dedup") {
    return Invalid("destination_sync_mode",
                   "must be append, overwrite, append_dedup or overwrite_dedup");
  }
  if (generation.has_value() != minimum.has_value()) {
    return Invalid("generation_id", "and minimum_generation_id must be given together");
  }
  const bool dedup = mode == "append_dedup" || mode == "overwrite_dedup";
  config->set_write_mode(dedup ? v1::WRITE_MODE_DEDUP : v1::WRITE_MODE_APPEND);
  if (generation.has_value()) {
    config->set_generation_id(*generation);
    config->set_minimum_generation_id(*minimum);
  } else {
    config->set_overwrite(mode == "overwrite" || mode == "overwrite_dedup");
  }
  return ReadReplay(configured, mode, config);
}

absl::Status ReadStream(const JsonText& configured, const DestinationConfig& destination,
                        CatalogStream* out) {
  const auto stream = Optional(configured, "stream");
  if (!stream.has_value() || stream->kind != JsonKind::kObject) {
    return Invalid("stream", "must be an object");
  }
  SYNCLINE_ASSIGN_OR_RETURN(out->name, OptionalText(*stream, "name"));
  if (out->name.empty()) return Invalid("stream.name", "is missing");
  SYNCLINE_ASSIGN_OR_RETURN(out->name_space, OptionalText(*stream, "namespace"));
  const auto schema = Optional(*stream, "json_schema");
  if (!schema.has_value() || schema->kind != JsonKind::kObject) {
    return Invalid("stream.json_schema", "must be an object");
  }
  v1::StreamConfig& config = out->config;
  config.mutable_descriptor()->set_name(out->name);
  config.mutable_descriptor()->set_namespace_(out->name_space.empty() ? destination.schema
                                                                      : out->name_space);
  config.set_schema_policy(destination.schema_policy);
  config.set_replace_strategy(destination.replace_strategy);
  config.set_json_schema(std::string(schema->raw));
  SYNCLINE_RETURN_IF_ERROR(ReadMode(configured, &config));
  if (config.write_mode() == v1::WRITE_MODE_DEDUP) {
    config.set_cdc_delete_mode(destination.cdc_delete_mode);
    SYNCLINE_RETURN_IF_ERROR(ReadKeys(configured, *stream, &config));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const auto sync_id, OptionalNumber(configured, "sync_id"));
  config.set_airbyte_sync_id(sync_id.value_or(0));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<DestinationConfig> ReadConfig(absl::string_view json,
                                             const std::vector<std::string>& more_members) {
  const auto object = ParseJson(json);
  if (!object.has_value() || object->kind != JsonKind::kObject) {
    return absl::InvalidArgumentError("the configuration is not a JSON object");
  }
  Names members = {"server",
                   "token",
                   "token_file",
                   "tls",
                   "host",
                   "port",
                   "database",
                   "username",
                   "password",
                   "ssl_mode",
                   "schema",
                   "connection_id",
                   "schema_policy",
                   "cdc_delete_mode",
                   "cdc_deletion_mode",
                   "complete_without_status",
                   "fail_on_rejected",
                   "replace_strategy"};
  members.insert(members.end(), more_members.begin(), more_members.end());
  SYNCLINE_RETURN_IF_ERROR(CheckMembers(*object, "", members));
  DestinationConfig config;
  SYNCLINE_ASSIGN_OR_RETURN(config.connection.server, OptionalText(*object, "server"));
  SYNCLINE_RETURN_IF_ERROR(ReadDirect(*object, &config));
  if (config.connection.server.empty() && !config.direct.has_value()) {
    return Invalid("server",
                   "is missing; give it, or host, database and username of a PostgreSQL server");
  }
  SYNCLINE_ASSIGN_OR_RETURN(config.schema, OptionalText(*object, "schema"));
  SYNCLINE_ASSIGN_OR_RETURN(config.connection_id, OptionalText(*object, "connection_id"));
  SYNCLINE_ASSIGN_OR_RETURN(config.connection.token_file, OptionalText(*object, "token_file"));
  SYNCLINE_ASSIGN_OR_RETURN(config.connection.token, OptionalText(*object, "token"));
  SYNCLINE_RETURN_IF_ERROR(ReadTls(*object, &config.connection.tls));
  SYNCLINE_RETURN_IF_ERROR(ReadPolicies(*object, &config));
  SYNCLINE_ASSIGN_OR_RETURN(config.complete_without_status,
                            OptionalSwitch(*object, "complete_without_status", false));
  SYNCLINE_ASSIGN_OR_RETURN(config.fail_on_rejected,
                            OptionalSwitch(*object, "fail_on_rejected", false));
  return config;
}

absl::StatusOr<Catalog> ReadCatalog(absl::string_view json, const DestinationConfig& config) {
  const auto object = ParseJson(json);
  const auto streams = object.has_value() ? FindMember(*object, "streams") : std::nullopt;
  if (!streams.has_value() || streams->kind != JsonKind::kArray) {
    return absl::InvalidArgumentError("the catalog is not a JSON object with a list of streams");
  }
  Catalog catalog;
  absl::Status status;
  ForEachElement(*streams, [&](JsonText configured) {
    if (!status.ok()) return;
    CatalogStream stream;
    status = ReadStream(configured, config, &stream);
    if (!status.ok()) {
      status = Invalid(absl::StrCat("catalog: streams[", catalog.streams.size(), "]",
                                    stream.name.empty() ? "" : " ", stream.name, ":"),
                       status.message());
    }
    if (catalog.airbyte_sync_id == 0) catalog.airbyte_sync_id = stream.config.airbyte_sync_id();
    catalog.streams.push_back(std::move(stream));
  });
  SYNCLINE_RETURN_IF_ERROR(status);
  if (catalog.streams.empty()) return absl::InvalidArgumentError("the catalog has no streams");
  std::set<std::pair<std::string, std::string>> targets;
  for (const CatalogStream& stream : catalog.streams) {
    const v1::StreamDescriptor& target = stream.config.descriptor();
    if (!targets.emplace(target.namespace_(), target.name()).second) {
      return absl::InvalidArgumentError(absl::StrCat(
          "catalog: two streams would load ",
          target.namespace_().empty() ? "" : target.namespace_() + ".", target.name()));
    }
  }
  return catalog;
}

}  // namespace syncline::client

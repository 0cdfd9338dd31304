#include "client/singer/config.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "client/json_text.h"

namespace syncline::client {
namespace {

absl::Status ReadSwitch(const JsonText& object, absl::string_view key, bool* value) {
  const auto member = FindMember(object, key);
  if (!member.has_value() || member->kind == JsonKind::kNull) return absl::OkStatus();
  if (member->kind != JsonKind::kBoolean) {
    return absl::InvalidArgumentError(absl::StrCat(key, " must be true or false"));
  }
  *value = member->raw == "true";
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadText(const JsonText& object, absl::string_view key) {
  const auto member = FindMember(object, key);
  if (!member.has_value() || member->kind == JsonKind::kNull) return std::string();
  if (member->kind != JsonKind::kString) {
    return absl::InvalidArgumentError(absl::StrCat(key, " must be a string"));
  }
  return UnescapeJson(*member);
}

absl::Status ReadLoadMethod(const JsonText& object, LoadMethod* method) {
  const auto member = FindMember(object, "load_method");
  if (!member.has_value() || member->kind == JsonKind::kNull) return absl::OkStatus();
  if (member->raw == "\"upsert\"") {
    *method = LoadMethod::kUpsert;
  } else if (member->raw == "\"append-only\"") {
    *method = LoadMethod::kAppendOnly;
  } else if (member->raw == "\"overwrite\"") {
    *method = LoadMethod::kOverwrite;
  } else {
    return absl::InvalidArgumentError("load_method must be append-only, upsert or overwrite");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SingerConfig> ReadSingerConfig(absl::string_view json) {
  SingerConfig config;
  SYNCLINE_ASSIGN_OR_RETURN(config.destination,
                            ReadConfig(json, {"load_method", "add_record_metadata", "hard_delete",
                                              "default_target_schema"}));
  const JsonText object = *ParseJson(json);  // ReadConfig has accepted it
  SYNCLINE_RETURN_IF_ERROR(ReadLoadMethod(object, &config.load_method));
  SYNCLINE_RETURN_IF_ERROR(ReadSwitch(object, "add_record_metadata", &config.add_record_metadata));
  SYNCLINE_RETURN_IF_ERROR(ReadSwitch(object, "hard_delete", &config.hard_delete));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string schema, ReadText(object, "default_target_schema"));
  if (config.destination.schema.empty()) config.destination.schema = schema;
  return config;
}

}  // namespace syncline::client

#include "client/singer/metadata.h"

#include "absl/strings/str_cat.h"
#include "base/json_string.h"
#include "client/json_text.h"

namespace syncline::client {
namespace {

constexpr char kTimestamp[] = R"({"type":["null","string"],"format":"date-time"})";
constexpr char kInteger[] = R"({"type":["null","integer"]})";

struct MetadataProperty {
  const char* name;
  const char* schema;
};

constexpr MetadataProperty kProperties[] = {
    {"_sdc_extracted_at", kTimestamp},  {"_sdc_received_at", kTimestamp},
    {"_sdc_batched_at", kTimestamp},    {kSdcDeletedAt, kTimestamp},
    {"_sdc_sequence", kInteger},        {"_sdc_table_version", kInteger},
    {"_sdc_sync_started_at", kInteger},
};

// Returns the object `text` with `members`, which begin with a comma, before its closing bracket.
std::string Insert(absl::string_view text, absl::string_view members) {
  const absl::string_view inside = text.substr(1, text.size() - 2);
  const bool empty = inside.find_first_not_of(" \t\r\n") == absl::string_view::npos;
  if (empty && !members.empty()) members.remove_prefix(1);
  return absl::StrCat("{", inside, members, "}");
}

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6S+00:00", time, absl::UTCTimeZone());
}

}  // namespace

std::string AddMetadataProperties(absl::string_view schema, bool all) {
  const JsonText properties = *FindMember({JsonKind::kObject, schema}, "properties");
  std::string members;
  for (const MetadataProperty& property : kProperties) {
    const absl::string_view name = property.name;
    if (!all && name != kSdcDeletedAt) continue;
    if (FindMember(properties, name).has_value()) continue;
    absl::StrAppend(&members, ",\"", name, "\":", property.schema);
  }
  const auto offset = static_cast<size_t>(properties.raw.data() - schema.data());
  return absl::StrCat(schema.substr(0, offset), Insert(properties.raw, members),
                      schema.substr(offset + properties.raw.size()));
}

std::string AddMetadata(absl::string_view record, const RecordMetadata& metadata) {
  const std::string received = TimeText(metadata.received_at);
  const std::string extracted =
      metadata.time_extracted.empty() ? JsonString(received) : JsonString(metadata.time_extracted);
  std::string members =
      absl::StrCat(",\"_sdc_extracted_at\":", extracted, ",\"_sdc_received_at\":\"", received,
                   "\",\"_sdc_batched_at\":\"", received,
                   "\",\"_sdc_sequence\":", absl::ToUnixMillis(metadata.received_at));
  if (metadata.version.has_value()) {
    absl::StrAppend(&members, ",\"_sdc_table_version\":", *metadata.version);
  }
  absl::StrAppend(&members,
                  ",\"_sdc_sync_started_at\":", absl::ToUnixMillis(metadata.run_started_at));
  return Insert(record, members);
}

}  // namespace syncline::client

#include "client/singer/target_stream.h"

#include "client/singer/metadata.h"

namespace syncline::client {
namespace {

// A version of 0 cannot replace anything: no generation is older.
bool HasVersion(const SingerConfig& config, const TargetStream& stream) {
  return config.load_method != LoadMethod::kOverwrite && stream.version.value_or(0) > 0;
}

}  // namespace

bool ReplacesTable(const SingerConfig& config, const TargetStream& stream) {
  if (config.load_method == LoadMethod::kOverwrite) return true;
  return config.hard_delete && HasVersion(config, stream);
}

bool MarksOlderRows(const SingerConfig& config, const TargetStream& stream) {
  return stream.activated && HasVersion(config, stream) && !config.hard_delete;
}

v1::StreamConfig MakeStreamConfig(const SingerConfig& config, const TargetStream& stream) {
  v1::StreamConfig made;
  made.mutable_descriptor()->set_namespace_(config.destination.schema);
  made.mutable_descriptor()->set_name(stream.name);
  const bool marks = HasVersion(config, stream) && !config.hard_delete;
  made.set_json_schema(config.add_record_metadata || marks
                           ? AddMetadataProperties(stream.schema, config.add_record_metadata)
                           : stream.schema);
  const bool dedup = config.load_method == LoadMethod::kUpsert && !stream.key_properties.empty();
  made.set_write_mode(dedup ? v1::WRITE_MODE_DEDUP : v1::WRITE_MODE_APPEND);
  if (dedup) {
    for (const std::string& key : stream.key_properties) made.add_primary_key()->add_path(key);
    made.set_cdc_delete_mode(config.destination.cdc_delete_mode);
  }
  if (config.load_method == LoadMethod::kOverwrite) {
    made.set_overwrite(true);
  } else if (HasVersion(config, stream)) {
    made.set_generation_id(*stream.version);
    made.set_minimum_generation_id(config.hard_delete ? *stream.version : 0);
  }
  if (MarksOlderRows(config, stream)) {
    made.set_older_generations(v1::OLDER_GENERATIONS_MARK_DELETED);
    made.set_deleted_at_column(kSdcDeletedAt);
  }
  made.set_schema_policy(config.destination.schema_policy);
  made.set_replace_strategy(config.destination.replace_strategy);
  made.set_replay(v1::REPLAY_FROM_CHECKPOINT);
  return made;
}

std::string FindReasonNotToComplete(const SingerConfig& config, const TargetStream& stream,
                                    const InputEnd& end) {
  if (!ReplacesTable(config, stream) || end.ends_with_state || stream.activated_last ||
      config.destination.complete_without_status) {
    return "";
  }
  return "its table would be replaced, but the tap's last message is no STATE, and no "
         "ACTIVATE_VERSION followed the stream's last record, so the tap may have failed; set "
         "complete_without_status in the configuration if it sends neither";
}

}  // namespace syncline::client

#include "client/airbyte/stream_ends.h"

#include "absl/strings/str_cat.h"

namespace syncline::client {

bool ReplacesTable(const v1::StreamConfig& config) {
  if (!config.has_generation_id()) return config.overwrite();
  return config.generation_id() > 0 && config.minimum_generation_id() == config.generation_id();
}

std::string FindReasonNotToComplete(const SourceEvidence& source, const StreamEvidence& stream) {
  if (!source.failure.empty()) return absl::StrCat("the source failed: ", source.failure);
  if (!source.any_message) return "the source sent no messages";
  if (source.any_status) return "the source sent no COMPLETE status for it";
  if (!stream.replaced) {
    return source.any_record_or_state ? "" : "the source sent no record, no STATE and no status";
  }
  if (stream.ends_with_state || source.complete_without_status) return "";
  return "the source sent no status and no STATE after its last record, so it may have failed; set "
         "complete_without_status in the configuration if it never sends either";
}

}  // namespace syncline::client

// The columns _sdc_* of the Singer SDK, which the target adds to schemas and records.
//
// Pure functions on JSON text; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline::client {

inline constexpr char kSdcDeletedAt[] = "_sdc_deleted_at";

// Returns `schema`, a JSON Schema with properties, with a property _sdc_deleted_at of type
// timestamp, and, if `all`, with all properties of the metadata. Properties that it has already
// stay.
std::string AddMetadataProperties(absl::string_view schema, bool all);

// What is known of a record when it is read.
struct RecordMetadata {
  absl::Time received_at;
  std::string time_extracted;  // as the tap wrote it; empty: received_at
  std::optional<int64_t> version;
  absl::Time run_started_at;
};

// Returns `record`, a JSON object, with the metadata's members after its own. _sdc_deleted_at stays
// as the record has it.
std::string AddMetadata(absl::string_view record, const RecordMetadata& metadata);

}  // namespace syncline::client

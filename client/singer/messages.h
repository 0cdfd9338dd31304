// Singer messages, one per line.
//
// Pure functions; any thread. Errors have a reason SINGER_* (docs/errors.md); their messages do not
// name the line, which the caller adds.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

enum class SingerKind { kBlank, kSchema, kRecord, kState, kActivateVersion, kBatch };

// The members of a message that its kind has. Views refer to the line.
struct SingerMessage {
  SingerKind kind = SingerKind::kBlank;
  std::string stream;
  absl::string_view record;        // JSON object
  std::optional<int64_t> version;  // of kRecord and kActivateVersion
  std::string time_extracted;      // as the tap wrote it; empty if it did not
  absl::string_view schema;        // JSON Schema with properties
  std::vector<std::string> key_properties;
  absl::string_view state;            // JSON, as the tap wrote it
  std::vector<std::string> manifest;  // URLs of the files of a batch
};

// Reads a line, which does not include '\n'. Errors: INVALID_ARGUMENT SINGER_NOT_JSON if it is not
// a JSON object (NaN and infinities are accepted, as Python writes them); SINGER_MESSAGE if it is
// no message or lacks a member; SINGER_NO_PROPERTIES for a schema without properties; SINGER_BATCH
// for a batch in another format than JSON lines, plain or with gzip.
absl::StatusOr<SingerMessage> ReadSingerMessage(absl::string_view line);

// Returns whether `text` is a JSON object. NaN and infinities are accepted, as Python writes them.
bool IsJsonObject(absl::string_view text);

// Returns OK if `record`, a JSON object, has a value for at least one of `keys` and a member for
// each, or if there are no keys. Errors: INVALID_ARGUMENT SINGER_NO_KEY, which names the key.
absl::Status CheckKey(absl::string_view record, const std::vector<std::string>& keys);

// Returns an INVALID_ARGUMENT error with a reason of this file.
absl::Status SingerError(absl::string_view reason, absl::string_view message);

}  // namespace syncline::client

// Surveys the input before the load: infers its schema and counts its records.
//
// Makes one pass and keeps only the columns. For use by one thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/schema_inference.h"
#include "client/sources/line_reader.h"

namespace syncline::client {

struct InputFormat {
  bool csv = false;  // false: JSON lines
  char delimiter = ',';
};

struct InputSurvey {
  SchemaInference inference;
  int64_t records = 0;              // including those that the server will reject
  int64_t objects = 0;              // JSON lines that are objects; CSV rows that fit the header
  bool whole = false;               // all of the input was examined
  bool ends_inside_record = false;  // set only if `whole`
};

// Reads from `reader` until its end, or until at least `max_bytes` were read. Errors:
// INVALID_ARGUMENT if the CSV header is invalid, a quote is never closed, or the encoding is not
// supported; CANCELLED if the user interrupts.
absl::StatusOr<InputSurvey> SurveyInput(LineReader* reader, const InputFormat& format,
                                        int64_t max_bytes);

// The same for the input's first lines. `whole` means that it has no others.
absl::StatusOr<InputSurvey> SurveyHead(absl::string_view head, bool whole,
                                       const InputFormat& format);

}  // namespace syncline::client

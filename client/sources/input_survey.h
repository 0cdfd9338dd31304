// What a look at the input before the load finds: its schema, and whether it holds records at all.
//
// One pass, nothing is kept but the columns. One thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/schema_inference.h"
#include "client/sources/line_reader.h"

namespace syncline::client {

struct InputFormat {
  bool csv = false;  // else JSON lines
  char delimiter = ',';
};

struct InputSurvey {
  SchemaInference inference;
  int64_t records = 0;              // also those that the server will reject
  int64_t objects = 0;              // JSON lines that are objects; CSV rows that fit the header
  bool whole = false;               // all of the input was looked at
  bool ends_inside_record = false;  // known when `whole`
};

// Reads from `reader` until its end, or until `max_bytes` were read. INVALID_ARGUMENT when the
// input cannot be read: a CSV header that is not one, a quote that is never closed, another
// encoding. CANCELLED when the user interrupts.
absl::StatusOr<InputSurvey> SurveyInput(LineReader* reader, const InputFormat& format,
                                        int64_t max_bytes);

// The same for the input's first lines. `whole`: it has no others.
absl::StatusOr<InputSurvey> SurveyHead(absl::string_view head, bool whole,
                                       const InputFormat& format);

}  // namespace syncline::client

// Where `load` takes its records from: JSON lines, whatever the file's format is.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/line_reader.h"

namespace syncline::client {

// One thread. The same input gives the same records in the same order, however it arrives: a
// resumed load counts on it.
class RecordSource {
 public:
  // Gets one record as a line of JSON, without '\n'; the view is good during the call. An error
  // ends Next.
  using Sink = absl::FunctionRef<absl::Status(absl::string_view record)>;

  virtual ~RecordSource() = default;

  // Hands the next piece's records to `sink`. Events as LineReader::Next.
  virtual absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) = 0;

  // Bytes of input read so far.
  virtual int64_t bytes() const = 0;
};

}  // namespace syncline::client

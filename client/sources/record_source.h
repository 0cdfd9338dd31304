// Where `load` takes its records from: JSON lines, whatever the file's format is.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/line_reader.h"

namespace syncline::client {

struct SourceRecord {
  absl::string_view line;        // JSON without '\n', good during the call
  int64_t line_number = 0;       // where the record begins in the input, from 1
  absl::string_view unreadable;  // why the input has no record here, such as FIELD_COUNT; or empty
};

// One thread. The same input gives the same records in the same order, however it arrives: a
// resumed load counts on it.
class RecordSource {
 public:
  // Gets one record. An error ends Next.
  using Sink = absl::FunctionRef<absl::Status(const SourceRecord& record)>;

  virtual ~RecordSource() = default;

  // Hands the next piece's records to `sink`. Events as LineReader::Next.
  virtual absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) = 0;

  // Bytes of input read so far.
  virtual int64_t bytes() const = 0;

  // Whether the input ended within a record. Known at its end.
  virtual bool ends_inside_record() const = 0;
};

}  // namespace syncline::client

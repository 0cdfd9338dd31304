// The interface that `load` reads its records from: JSON lines, for every file format.
#pragma once

#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/line_reader.h"

namespace syncline::client {

struct SourceRecord {
  absl::string_view line;        // JSON without '\n', valid during the call
  int64_t line_number = 0;       // where the record begins in the input, from 1
  absl::string_view unreadable;  // why it is not a record, such as FIELD_COUNT; or empty
};

// For use by one thread. The same input must give the same records in the same order, however it
// arrives, because a resumed load depends on it.
class RecordSource {
 public:
  // Called with one record. An error ends Next.
  using Sink = absl::FunctionRef<absl::Status(const SourceRecord& record)>;

  virtual ~RecordSource() = default;

  // Passes the records of the next piece of input to `sink`. Events and errors are those of
  // LineReader::Next, and errors of `sink`.
  virtual absl::StatusOr<LineReader::Event> Next(bool report_idle, Sink sink) = 0;

  // Returns the bytes of input read so far.
  virtual int64_t bytes() const = 0;

  // Returns whether the input ended inside a record. Valid at the end of the input.
  virtual bool ends_inside_record() const = 0;
};

}  // namespace syncline::client

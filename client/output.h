// Writes data to stdout line by line without buffering, because another process may be waiting for
// each line.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "google/protobuf/message.h"

namespace syncline::client {

// Thread-safe.
class LineOutput {
 public:
  // Does not own `fd`.
  explicit LineOutput(int fd) : fd_(fd) {}

  // Writes `line` and '\n'. Lines of different threads do not mix. After the first error nothing
  // more is written.
  void WriteLine(absl::string_view line);

  // Returns the first error, or OK.
  absl::Status status() const;

 private:
  const int fd_;
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// Returns `message` as one line of JSON without '\n', with the field names of the proto.
std::string ToJsonLine(const google::protobuf::Message& message);

// Prints "syncline: ", `words` and a line break on stderr, for the user. Thread-safe.
void PrintMessage(absl::string_view words);

// Draws `text` on the last line of stderr, which must be a terminal, in place of the text drawn
// before; a message erases it. Thread-safe, as is EraseStatusLine.
void DrawStatusLine(absl::string_view text);
void EraseStatusLine();

}  // namespace syncline::client

// Data on stdout, a line at a time, written through at once: another process waits for it.
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

  // Writes `line` and '\n' whole. After the first error nothing more is written.
  void WriteLine(absl::string_view line);

  // The first error.
  absl::Status status() const;

 private:
  const int fd_;
  mutable Mutex mutex_;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

// `message` as one line of JSON, its fields named as in the contract, without '\n'.
std::string ToJsonLine(const google::protobuf::Message& message);

// Words for a person: "syncline: " and `words`, on stderr.
void Say(absl::string_view words);

}  // namespace syncline::client

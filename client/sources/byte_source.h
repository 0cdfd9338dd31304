// The interface of a stream of bytes: a descriptor, or another stream after decompression or
// conversion to UTF-8.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"

namespace syncline::client {

// For use by one thread. The same input gives the same bytes, however it arrives, but in pieces of
// any size.
class ByteSource {
 public:
  enum class Event {
    kBytes,        // at least one byte was read
    kIdle,         // no input for 200 ms
    kEnd,          // the input has ended
    kInterrupted,  // the user asked to stop
  };

  virtual ~ByteSource() = default;

  // Reads at most `capacity` (at least 1) bytes into `buffer` and sets `*count`, which is 0 unless
  // the event is kBytes. Returns kIdle only if `report_idle` is set. An error is final: it names
  // what is wrong with the input and where.
  virtual absl::StatusOr<Event> Read(bool report_idle, char* buffer, size_t capacity,
                                     size_t* count) = 0;
};

}  // namespace syncline::client

// Reads the bytes of a file, pipe or terminal. For use by one thread.
#pragma once

#include "client/sources/byte_source.h"

namespace syncline::client {

class DescriptorBytes : public ByteSource {
 public:
  // Does not own `fd`.
  explicit DescriptorBytes(int fd);

  // Errors: INTERNAL if reading fails.
  absl::StatusOr<Event> Read(bool report_idle, char* buffer, size_t capacity,
                             size_t* count) override;

 private:
  const int fd_;
};

}  // namespace syncline::client

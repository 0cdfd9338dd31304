// Shows the first bytes of another stream before they are read. For use by one thread.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/sources/byte_source.h"

namespace syncline::client {

class PeekedBytes : public ByteSource {
 public:
  // `source` must outlive this object.
  explicit PeekedBytes(ByteSource* source) : source_(source) {}

  // Returns the first bytes: up to the end of the `max_lines`-th line ('\n'), but at most
  // `max_bytes`, and fewer only if the input has no more. The result depends only on the input, not
  // on how it arrives, and is valid until the next call. Sets `*whole` to whether it is all of the
  // input, which is known only if the input has fewer lines and bytes. Must be called before Read.
  // Errors: those of the source, and CANCELLED if the user interrupts.
  absl::StatusOr<absl::string_view> Peek(size_t max_bytes, int64_t max_lines, bool* whole);

  absl::StatusOr<Event> Read(bool report_idle, char* buffer, size_t capacity,
                             size_t* count) override;

 private:
  ByteSource* const source_;
  std::string head_;      // read from the source
  size_t returned_ = 0;   // bytes of head_ that Read has returned
  bool at_end_ = false;   // the source has ended
  absl::Status failure_;  // what the source returned instead of more bytes
};

}  // namespace syncline::client

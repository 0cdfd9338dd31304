#include "client/sources/peeked_bytes.h"

#include <algorithm>
#include <cstring>

namespace syncline::client {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;

}  // namespace

absl::StatusOr<absl::string_view> PeekedBytes::Peek(size_t max_bytes, int64_t max_lines,
                                                    bool* whole) {
  size_t scanned = 0;
  int64_t lines = 0;
  *whole = false;
  while (true) {
    const size_t limit = std::min(head_.size(), max_bytes);
    while (scanned < limit) {
      const void* const newline = std::memchr(head_.data() + scanned, '\n', limit - scanned);
      if (newline == nullptr) {
        scanned = limit;
      } else {
        scanned = static_cast<size_t>(static_cast<const char*>(newline) - head_.data()) + 1;
        if (++lines == max_lines) return absl::string_view(head_).substr(0, scanned);
      }
    }
    if (head_.size() >= max_bytes) return absl::string_view(head_).substr(0, max_bytes);
    if (at_end_) {
      *whole = failure_.ok();
      // What precedes a fault of the input is examined first; Read then reports the fault.
      if (head_.empty() && !failure_.ok()) return failure_;
      return absl::string_view(head_);
    }
    const size_t size = head_.size();
    head_.resize(size + std::min(kPieceBytes, max_bytes - size));
    size_t count = 0;
    const auto event = source_->Read(false, head_.data() + size, head_.size() - size, &count);
    head_.resize(size + count);
    if (!event.ok()) failure_ = event.status();
    if (event.ok() && *event == Event::kInterrupted) {
      return absl::CancelledError("interrupted; nothing was loaded");
    }
    at_end_ = !event.ok() || *event == Event::kEnd;
  }
}

absl::StatusOr<ByteSource::Event> PeekedBytes::Read(bool report_idle, char* buffer, size_t capacity,
                                                    size_t* count) {
  if (returned_ < head_.size()) {
    *count = std::min(capacity, head_.size() - returned_);
    std::memcpy(buffer, head_.data() + returned_, *count);
    returned_ += *count;
    if (returned_ == head_.size()) {
      returned_ = 0;
      std::string().swap(head_);
    }
    return Event::kBytes;
  }
  *count = 0;
  if (!failure_.ok()) return failure_;
  if (at_end_) return Event::kEnd;
  return source_->Read(report_idle, buffer, capacity, count);
}

}  // namespace syncline::client

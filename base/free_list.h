// FreeList: keeps large buffers for the next user instead of returning them to malloc.
//
// Allocating and freeing buffers of a few hundred KiB fragments the heap, makes the process grow,
// and costs page faults. Thread-safe.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/byte_buffer.h"
#include "base/mutex.h"

namespace syncline {

// Larger buffers are freed: one of them would be a large part of what a list may keep.
inline constexpr size_t kMaxKeptBufferBytes = 2 << 20;

template <typename T>
class FreeList {
 public:
  // Keeps at most `max_bytes` in total.
  explicit FreeList(size_t max_bytes) : max_bytes_(max_bytes) {}

  // Returns the buffer that was given last, unchanged, or T() if there is none.
  T Take() {
    MutexLock lock(&mutex_);
    if (kept_.empty()) return T();
    T taken = std::move(kept_.back().buffer);
    kept_bytes_ -= kept_.back().bytes;
    kept_.pop_back();
    unused_ = std::min(unused_, kept_.size());
    return taken;
  }

  // Keeps `given`, which has `bytes`, for the next user. Frees it if the list is full or if it is
  // larger than kMaxKeptBufferBytes.
  void Give(T given, size_t bytes) {
    MutexLock lock(&mutex_);
    if (bytes > kMaxKeptBufferBytes || bytes > max_bytes_ - kept_bytes_) return;
    kept_bytes_ += bytes;
    kept_.push_back({std::move(given), bytes});
  }

  // Frees the buffers that were not needed since the last call. Call it periodically, so that
  // memory is returned after a peak.
  void FreeUnused() {
    std::vector<Kept> freed;  // after the lock
    MutexLock lock(&mutex_);
    const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(unused_);
    for (auto unused = kept_.begin(); unused != end; ++unused) kept_bytes_ -= unused->bytes;
    freed.assign(std::make_move_iterator(kept_.begin()), std::make_move_iterator(end));
    kept_.erase(kept_.begin(), end);
    unused_ = kept_.size();
  }

  size_t size() const {
    MutexLock lock(&mutex_);
    return kept_.size();
  }

 private:
  struct Kept {
    T buffer;
    size_t bytes;
  };

  const size_t max_bytes_;
  mutable Mutex mutex_;
  std::vector<Kept> kept_ ABSL_GUARDED_BY(mutex_);
  size_t kept_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // Minimum number of kept buffers since the last FreeUnused.
  size_t unused_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Blocks into which rows are encoded.
using FreeBlocks = FreeList<ByteBuffer>;
// String buffers of batches: an arriving message takes one, and the lane returns it after parsing.
using FreeStrings = FreeList<std::unique_ptr<std::string>>;

}  // namespace syncline

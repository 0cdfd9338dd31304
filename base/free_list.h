// FreeList: large buffers that go from user to user instead of to malloc and back.
//
// Why: what is some hundred KiB large and is made and freed all the time leaves holes between other
// things, in which the process grows, and each time the kernel has to hand out its pages anew.
// Thread-safe.
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

// A larger buffer is not worth keeping: it would be a good part of what is kept.
inline constexpr size_t kGreatestKeptBuffer = 2 << 20;

template <typename T>
class FreeList {
 public:
  // Keeps what has `most_bytes` together at most.
  explicit FreeList(size_t most_bytes) : most_bytes_(most_bytes) {}

  // The one given last, as it was given; a T() when there is none.
  T Take() {
    MutexLock lock(&mutex_);
    if (kept_.empty()) return T();
    T taken = std::move(kept_.back().buffer);
    kept_bytes_ -= kept_.back().bytes;
    kept_.pop_back();
    unused_ = std::min(unused_, kept_.size());
    return taken;
  }

  // Keeps `given`, which has `bytes`, for the next user; frees it when enough is kept and when it
  // is larger than kGreatestKeptBuffer.
  void Give(T given, size_t bytes) {
    MutexLock lock(&mutex_);
    if (bytes > kGreatestKeptBuffer || bytes > most_bytes_ - kept_bytes_) return;
    kept_bytes_ += bytes;
    kept_.push_back({std::move(given), bytes});
  }

  // Frees those that nobody has needed since the last call. Called now and then, it gives back what
  // a quieter time does not want.
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

  const size_t most_bytes_;
  mutable Mutex mutex_;
  std::vector<Kept> kept_ ABSL_GUARDED_BY(mutex_);
  size_t kept_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  // The fewest that were kept since FreeUnused.
  size_t unused_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Blocks that rows are encoded into.
using FreeBlocks = FreeList<ByteBuffer>;
// Texts of batches: an arriving message takes one, the lane that has parsed it gives it back.
using FreeTexts = FreeList<std::unique_ptr<std::string>>;

}  // namespace syncline

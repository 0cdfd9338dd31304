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
#include "server/base/byte_buffer.h"
#include "server/base/mutex.h"

namespace syncline {

template <typename T>
class FreeList {
 public:
  // Keeps `most` at most.
  explicit FreeList(size_t most) : most_(most) {}

  // The one given last, as it was given; a T() when there is none.
  T Take() {
    MutexLock lock(&mutex_);
    if (kept_.empty()) return T();
    T taken = std::move(kept_.back());
    kept_.pop_back();
    unused_ = std::min(unused_, kept_.size());
    return taken;
  }

  // Keeps `given` for the next user; frees it when enough are kept.
  void Give(T given) {
    MutexLock lock(&mutex_);
    if (kept_.size() < most_) kept_.push_back(std::move(given));
  }

  // Frees those that nobody has needed since the last call. Called now and then, it gives back what
  // a quieter time does not want.
  void FreeUnused() {
    std::vector<T> freed;  // after the lock
    MutexLock lock(&mutex_);
    const auto end = kept_.begin() + static_cast<std::ptrdiff_t>(unused_);
    freed.assign(std::make_move_iterator(kept_.begin()), std::make_move_iterator(end));
    kept_.erase(kept_.begin(), end);
    unused_ = kept_.size();
  }

  size_t size() const {
    MutexLock lock(&mutex_);
    return kept_.size();
  }

 private:
  const size_t most_;
  mutable Mutex mutex_;
  std::vector<T> kept_ ABSL_GUARDED_BY(mutex_);
  // The fewest that were kept since FreeUnused.
  size_t unused_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Blocks that rows are encoded into.
using FreeBlocks = FreeList<ByteBuffer>;
// Texts of batches: an arriving message takes one, the lane that has parsed it gives it back.
using FreeTexts = FreeList<std::unique_ptr<std::string>>;

}  // namespace syncline

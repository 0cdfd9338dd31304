// Limits the bytes that the process keeps of records that it has sent and that the server has not
// yet committed.
//
// Shared by all stream writers of a process. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::client {

class ReplayWindow {
 public:
  explicit ReplayWindow(int64_t capacity_bytes) : capacity_bytes_(capacity_bytes) {}

  // Waits until `bytes` fit; an empty window accepts any size. Returns false if nothing was
  // released for `patience` and there is still no room. The caller then makes room by closing a
  // writer.
  bool WaitForRoom(int64_t bytes, absl::Duration patience);

  void Take(int64_t bytes);
  void Release(int64_t bytes);

  int64_t held_bytes() const;

 private:
  const int64_t capacity_bytes_;
  mutable Mutex mutex_;
  CondVar released_;
  int64_t held_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t releases_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace syncline::client

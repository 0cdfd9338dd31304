#include "client/replay_window.h"

namespace syncline::client {

bool ReplayWindow::WaitForRoom(int64_t bytes, absl::Duration patience) {
  MutexLock lock(&mutex_);
  while (held_bytes_ > 0 && held_bytes_ + bytes > capacity_bytes_) {
    const int64_t releases = releases_;
    if (!released_.WaitFor(&mutex_, patience) && releases == releases_) return false;
  }
  return true;
}

void ReplayWindow::Take(int64_t bytes) {
  MutexLock lock(&mutex_);
  held_bytes_ += bytes;
}

void ReplayWindow::Release(int64_t bytes) {
  if (bytes == 0) return;
  {
    MutexLock lock(&mutex_);
    held_bytes_ -= bytes;
    ++releases_;
  }
  released_.NotifyAll();
}

int64_t ReplayWindow::held_bytes() const {
  MutexLock lock(&mutex_);
  return held_bytes_;
}

}  // namespace syncline::client

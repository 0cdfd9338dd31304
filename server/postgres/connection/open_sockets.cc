#include "server/postgres/connection/open_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace syncline::postgres {

OpenSockets::Entry::~Entry() {
  if (fd_ < 0) return;
  MutexLock lock(&sockets_->mutex_);
  sockets_->fds_.erase(fd_);
  close(fd_);
}

std::unique_ptr<OpenSockets::Entry> OpenSockets::Add(int fd) {
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  auto entry = std::make_unique<Entry>(this, own);
  MutexLock lock(&mutex_);
  if (own >= 0) fds_.insert(own);
  return entry;
}

int OpenSockets::ShutDown() {
  // The lock is held so that no socket is closed meanwhile. shutdown() does not block.
  MutexLock lock(&mutex_);
  for (const int fd : fds_) shutdown(fd, SHUT_RDWR);
  const int count = static_cast<int>(fds_.size());
  fds_.clear();
  return count;
}

}  // namespace syncline::postgres

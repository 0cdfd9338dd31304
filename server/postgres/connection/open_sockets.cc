#include "server/postgres/connection/open_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace syncline::postgres {

OpenSockets::Entry::~Entry() {
  if (fd_ < 0) return;
  if (sockets_ == nullptr) {
    close(fd_);
    return;
  }
  MutexLock lock(&sockets_->mutex_);
  sockets_->fds_.erase(fd_);
  close(fd_);
}

void OpenSockets::Entry::Abort() {
  if (fd_ < 0) return;
  // The end of the connection would wait behind unsent data that the database does not read; a
  // reset does not.
  const linger reset = {1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
  shutdown(fd_, SHUT_RDWR);
}

std::unique_ptr<OpenSockets::Entry> OpenSockets::Add(int fd) { return Duplicate(this, fd); }

std::unique_ptr<OpenSockets::Entry> OpenSockets::Duplicate(OpenSockets* sockets, int fd) {
  const int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  auto entry = std::make_unique<Entry>(sockets, own);
  if (own >= 0 && sockets != nullptr) {
    MutexLock lock(&sockets->mutex_);
    sockets->fds_.insert(own);
  }
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

#include "client/sources/descriptor_bytes.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "client/interrupt.h"

namespace syncline::client {
namespace {

constexpr int kPipeBytes = 1 << 20;
constexpr int kIdleMs = 200;

}  // namespace

DescriptorBytes::DescriptorBytes(int fd) : fd_(fd) {
  // A pipe holds 64 KiB by default, and each such piece costs a read and two context switches.
  // Fails on a file, which does not need it.
  fcntl(fd, F_SETPIPE_SZ, kPipeBytes);
}

absl::StatusOr<ByteSource::Event> DescriptorBytes::Read(bool report_idle, char* buffer,
                                                        size_t capacity, size_t* count) {
  *count = 0;
  while (true) {
    if (Interrupted()) return Event::kInterrupted;
    pollfd wait[2] = {{fd_, POLLIN, 0}, {InterruptFd(), POLLIN, 0}};
    const int ready = poll(wait, 2, report_idle ? kIdleMs : -1);
    if (ready < 0 && errno != EINTR) {
      return absl::InternalError(absl::StrCat("cannot wait for input: ", strerror(errno)));
    }
    if (ready == 0) return Event::kIdle;
    if (ready < 0 || wait[1].revents != 0) continue;
    const ssize_t got = read(fd_, buffer, capacity);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) {
      return absl::InternalError(absl::StrCat("cannot read the input: ", strerror(errno)));
    }
    *count = static_cast<size_t>(got);
    return got == 0 ? Event::kEnd : Event::kBytes;
  }
}

}  // namespace syncline::client

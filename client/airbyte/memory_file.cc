#include "client/airbyte/memory_file.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace syncline::client {
namespace {

absl::Status Failed() {
  return absl::InternalError(absl::StrCat("cannot create a file in memory: ", strerror(errno)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<MemoryFile>> MemoryFile::Create(absl::string_view content) {
  const int fd = memfd_create("syncline", MFD_CLOEXEC);
  if (fd < 0) return Failed();
  std::unique_ptr<MemoryFile> file(new MemoryFile(fd));
  // libpq refuses a private key that others can read.
  if (fchmod(fd, S_IRUSR | S_IWUSR) != 0) return Failed();
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed();
    content.remove_prefix(static_cast<size_t>(written));
  }
  return file;
}

MemoryFile::~MemoryFile() { close(fd_); }

std::string MemoryFile::path() const { return absl::StrCat("/proc/self/fd/", fd_); }

}  // namespace syncline::client

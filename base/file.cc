#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"

namespace syncline {
namespace {

constexpr size_t kPieceBytes = size_t{64} << 10;

// Appends what follows in `fd`. Returns errno, or 0 at the end.
int ReadToEnd(int fd, std::string* content) {
  while (true) {
    const size_t size = content->size();
    content->resize(size + kPieceBytes);
    const ssize_t got = read(fd, content->data() + size, kPieceBytes);
    const int fault = got < 0 ? errno : 0;
    content->resize(size + (got > 0 ? static_cast<size_t>(got) : 0));
    if (got == 0 || (got < 0 && fault != EINTR)) return fault;
  }
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::string content;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const int fault = fd < 0 ? errno : ReadToEnd(fd, &content);
  if (fd >= 0) close(fd);
  if (fault == 0) return content;
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("cannot read ", path, ": ", strerror(fault)),
                   {.reason = reason::kFileUnreadable});
}

}  // namespace syncline

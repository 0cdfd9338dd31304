#include "server/postgres/embedded/private_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "server/postgres/embedded/descriptor.h"

namespace syncline::postgres {

absl::Status DirectoryError(absl::string_view what, absl::string_view path, int error) {
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("cannot ", what, " ", path, ": ", strerror(error)),
                   {.reason = reason::kEmbeddedDirectory});
}

absl::Status MakePrivateDirectory(const std::string& path, const PostgresInstallation& postgres) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return DirectoryError("create", path, errno);
  }
  if (chmod(path.c_str(), 0700) != 0) return DirectoryError("protect", path, errno);
  if (postgres.run_as && chown(path.c_str(), postgres.run_as->uid, postgres.run_as->gid) != 0) {
    return DirectoryError("change the owner of", path, errno);
  }
  return absl::OkStatus();
}

absl::Status WritePrivateFile(const std::string& path, absl::string_view content,
                              const PostgresInstallation& postgres) {
  const Descriptor file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (file.get() < 0) return DirectoryError("write", path, errno);
  if (postgres.run_as && fchown(file.get(), postgres.run_as->uid, postgres.run_as->gid) != 0) {
    return DirectoryError("change the owner of", path, errno);
  }
  if (write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size()) ||
      fsync(file.get()) != 0) {
    return DirectoryError("write", path, errno);
  }
  return absl::OkStatus();
}

std::string FirstLine(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string LastLine(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

}  // namespace syncline::postgres

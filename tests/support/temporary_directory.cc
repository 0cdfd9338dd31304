#include "tests/support/temporary_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace syncline::testing {

std::string MakeTemporaryDirectory(absl::string_view purpose) {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string path = (parent / absl::StrCat("syncline-", purpose, "-XXXXXX").c_str()).string();
  if (mkdtemp(path.data()) == nullptr || chmod(path.c_str(), 0755) != 0) {
    ADD_FAILURE() << "cannot make " << path << ": " << strerror(errno);
    return "";
  }
  return path;
}

void RemoveDirectory(const std::string& path) {
  if (path.empty()) return;
  std::error_code error;
  std::filesystem::remove_all(path, error);
}

std::string TemporaryDirectory::Path(absl::string_view name) const {
  return absl::StrCat(path_, "/", name);
}

}  // namespace syncline::testing

// Directories that a test creates and removes.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::testing {

// Creates an empty directory under the machine's temporary directory. Its path is short enough for
// a Unix socket, and other users may enter it (PostgreSQL may run as another user). If it cannot be
// created, the test fails and the result is "".
std::string MakeTemporaryDirectory(absl::string_view purpose);

// Removes the directory and everything in it.
void RemoveDirectory(const std::string& path);

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(absl::string_view purpose) : path_(MakeTemporaryDirectory(purpose)) {}
  ~TemporaryDirectory() { RemoveDirectory(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // The path of `name` inside the directory.
  std::string Path(absl::string_view name) const;

 private:
  const std::string path_;
};

}  // namespace syncline::testing

// Directories that a test makes and removes.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::testing {

// A new empty directory under the machine's temporary directory, its path short enough for a Unix
// socket and open to other users (PostgreSQL may run as another one). Fails the test and gives ""
// when it cannot be made.
std::string MakeTemporaryDirectory(absl::string_view purpose);

// Removes it with all that it holds.
void RemoveDirectory(const std::string& path);

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(absl::string_view purpose) : path_(MakeTemporaryDirectory(purpose)) {}
  ~TemporaryDirectory() { RemoveDirectory(path_); }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::string& path() const { return path_; }
  // `name` inside it.
  std::string Path(absl::string_view name) const;

 private:
  const std::string path_;
};

}  // namespace syncline::testing

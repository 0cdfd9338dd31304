// A file that exists only in memory, for libraries that read secrets from files only. Nothing is
// written to a disk, and no other user can read it.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace syncline::client {

class MemoryFile {
 public:
  // Errors: INTERNAL if the system creates no such file.
  static absl::StatusOr<std::unique_ptr<MemoryFile>> Create(absl::string_view content);
  // After this no path leads to the content.
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  // Returns a path that is valid in this process.
  std::string path() const;

 private:
  explicit MemoryFile(int fd) : fd_(fd) {}

  const int fd_;
};

}  // namespace syncline::client

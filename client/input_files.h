// Finds the files that the arguments of `syncline load` name. Functions of the file system; any
// thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace syncline::client {

struct InputFiles {
  std::vector<std::string> files;    // in the order of the arguments; those of a directory by name
  std::vector<std::string> skipped;  // entries of directories that are not files or are hidden
};

// An argument is a file, "-" for stdin, a directory, whose files are taken, or a pattern that the
// shell did not expand, such as 'data/*.csv'. Errors: a usage error if "-" is not the only argument
// or a file is named twice; NOT_FOUND if a directory has no files or a pattern matches none.
// Whether a file exists is not examined.
absl::StatusOr<InputFiles> FindInputFiles(const std::vector<std::string>& arguments);

}  // namespace syncline::client

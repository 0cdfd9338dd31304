// The files of the embedded server's directory, which only the database's user may read. The errors
// are FAILED_PRECONDITION EMBEDDED_DIRECTORY.
//
// Stateless: safe from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/postgres/embedded/postgres_installation.h"

namespace syncline::postgres {

// Returns the error "cannot `what` `path`", with the text of `error`, a value of errno.
absl::Status DirectoryError(absl::string_view what, absl::string_view path, int error);

// Makes `path` a directory that only the database's user may enter.
absl::Status MakePrivateDirectory(const std::string& path, const PostgresInstallation& postgres);

// Writes `content` to a file that only the database's user may read.
absl::Status WritePrivateFile(const std::string& path, absl::string_view content,
                              const PostgresInstallation& postgres);

// Returns the file's first line, or "" if it has none or cannot be read.
std::string FirstLine(const std::string& path);
// Returns the file's last line that is not empty, or "" if it has none or cannot be read.
std::string LastLine(const std::string& path);

}  // namespace syncline::postgres

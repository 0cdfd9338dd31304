// Finds PostgreSQL's programs on this machine and the account that runs them.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/child_process.h"

namespace syncline::postgres {

struct PostgresInstallation {
  std::string bin_directory;
  // Set if this process is root, because PostgreSQL refuses to run as root.
  std::optional<ProcessIdentity> run_as = std::nullopt;

  // Returns the path of the program `name`.
  std::string Program(absl::string_view name) const;
};

// Finds a server. If `bin_directory` is set, only that directory is searched and the version is not
// checked. Otherwise searches for the newest version in /usr/lib/postgresql, then for the one that
// pg_config names; both must have `major_version` unless that is empty. Errors: FAILED_PRECONDITION
// POSTGRES_MISSING, which names the package to install, or POSTGRES_USER_MISSING.
absl::StatusOr<PostgresInstallation> FindPostgres(absl::string_view bin_directory,
                                                  absl::string_view major_version);

}  // namespace syncline::postgres

// Where PostgreSQL's programs are on this machine, and as whom they may run.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/child_process.h"

namespace syncline::postgres {

struct PostgresInstallation {
  std::string bin_directory;
  // Set when we are root: PostgreSQL refuses to run as root.
  std::optional<ProcessIdentity> run_as = std::nullopt;

  std::string Program(absl::string_view name) const;
};

// Finds a server, of `major_version` unless that is empty: first `bin_directory` alone when it is
// given, else the newest of /usr/lib/postgresql, else what pg_config names. Errors:
// FAILED_PRECONDITION POSTGRES_MISSING with what to install, FAILED_PRECONDITION
// POSTGRES_USER_MISSING.
absl::StatusOr<PostgresInstallation> FindPostgres(absl::string_view bin_directory,
                                                  absl::string_view major_version);

}  // namespace syncline::postgres

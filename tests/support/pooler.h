// A PgBouncer in front of a database.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/support/process.h"
#include "tests/support/reserved_port.h"
#include "tests/support/temporary_directory.h"

namespace syncline::testing {

class Pooler {
 public:
  // Returns whether PgBouncer is installed.
  static bool Installed();

  // Starts a PgBouncer that pools connections to the database of `dsn` in `mode` ("session",
  // "transaction" or "statement") and waits until it listens. `settings` are further settings as
  // name and value. It checks no passwords.
  static absl::StatusOr<std::unique_ptr<Pooler>> Start(
      const std::string& dsn, absl::string_view mode,
      const std::vector<std::pair<std::string, std::string>>& settings = {});

  // The connection string that leads through it.
  const std::string& dsn() const { return dsn_; }

 private:
  Pooler() : directory_("pooler") {}

  TemporaryDirectory directory_;
  ReservedPort port_;
  std::string dsn_;
  std::unique_ptr<Process> process_;
};

}  // namespace syncline::testing

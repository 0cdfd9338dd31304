#include "tests/support/test_database.h"

#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/status_macros.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/conninfo.h"

namespace syncline::testing {
namespace {

absl::Status Execute(const std::string& dsn, const std::string& sql) {
  postgres::ConnectionOptions options;
  options.conninfo = dsn;
  SYNCLINE_ASSIGN_OR_RETURN(const std::unique_ptr<postgres::Connection> connection,
                            postgres::Connection::Open(options));
  return connection->Execute(sql);
}

class Databases {
 public:
  Databases() = default;
  Databases(const Databases&) = delete;
  Databases& operator=(const Databases&) = delete;
  ~Databases() {
    for (const auto& [dsn, name] : names_) {
      const absl::Status dropped =
          Execute(dsn, absl::StrCat("DROP DATABASE IF EXISTS ", name, " WITH (FORCE)"));
      if (!dropped.ok()) fprintf(stderr, "%s\n", dropped.ToString().c_str());
    }
  }

  absl::StatusOr<std::string> Get(const std::string& dsn) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string complete,
                              postgres::CompleteConninfo(dsn, absl::Seconds(10)));
    std::string& name = names_[dsn];
    if (name.empty()) {
      const std::string unique =
          absl::StrCat("syncline_test_", getpid(), "_", absl::Hex(std::random_device()()));
      SYNCLINE_RETURN_IF_ERROR(
          Execute(dsn, absl::StrCat("CREATE DATABASE ", unique, " TEMPLATE template0")));
      name = unique;
    }
    // Of a keyword that occurs twice, the last counts.
    return absl::StrCat(complete, " dbname=", name);
  }

 private:
  std::map<std::string, std::string> names_;
};

}  // namespace

absl::StatusOr<std::string> OwnDatabase(const std::string& dsn) {
  static Databases databases;
  return databases.Get(dsn);
}

}  // namespace syncline::testing

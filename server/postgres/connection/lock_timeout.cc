#include "server/postgres/connection/lock_timeout.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

int64_t ToMilliseconds(absl::Duration timeout) {
  return std::max<int64_t>(1, absl::ToInt64Milliseconds(timeout));
}

}  // namespace

std::string SetLockTimeoutSql(absl::Duration timeout) {
  return absl::StrCat("SET LOCAL lock_timeout = ", ToMilliseconds(timeout));
}

std::string SetSessionLockTimeoutSql(absl::Duration timeout) {
  return absl::StrCat("SET lock_timeout = ", ToMilliseconds(timeout));
}

std::string BeginWithLockTimeoutSql(absl::Duration timeout) {
  return absl::StrCat("BEGIN; ", SetLockTimeoutSql(timeout));
}

std::string SetDefaultLockTimeoutSql(absl::Duration timeout) {
  return absl::StrCat("SELECT pg_catalog.set_config('lock_timeout', '",
                      std::max<int64_t>(1, absl::ToInt64Milliseconds(timeout)),
                      "', true) WHERE pg_catalog.current_setting('lock_timeout') = '0'");
}

bool IsLockTimeout(const absl::Status& status) { return GetSqlState(status) == "55P03"; }

}  // namespace syncline::postgres

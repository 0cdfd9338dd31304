#include "server/postgres/connection/engine_check.h"

#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/random_bytes.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

struct OtherEngine {
  absl::string_view mark;  // in the text of version()
  absl::string_view name;
  absl::string_view lacks;
};

// docs/citus.md has the same table.
constexpr OtherEngine kOtherEngines[] = {
    {"CockroachDB", "CockroachDB", "it has no LISTEN and NOTIFY and no multirange types"},
    {"-YB-", "YugabyteDB", "it has no LISTEN and NOTIFY and no LOCK TABLE"},
    {"Greenplum Database", "Greenplum", "the place of a row is not unique across its segments"},
    {"Cloudberry", "Cloudberry", "the place of a row is not unique across its segments"},
};

constexpr char kHasCitusSql[] =
    "SELECT pg_catalog.to_regclass('pg_catalog.pg_dist_local_group') IS NOT NULL";

bool IsTrue(absl::string_view answer) { return answer == "t"; }

absl::Status Refuse(absl::string_view message) {
  return MakeError(absl::StatusCode::kFailedPrecondition, message, {.reason = reason::kDbEngine});
}

absl::StatusOr<std::string> Ask(BareSession& session, const std::string& sql,
                                absl::Duration timeout) {
  absl::StatusOr<std::string> answer = session.Ask(sql, timeout);
  if (!absl::IsDeadlineExceeded(answer.status())) return answer;
  return DatabaseUnreachable("the database does not answer");
}

}  // namespace

absl::Status CheckEngineName(absl::string_view version) {
  for (const OtherEngine& engine : kOtherEngines) {
    if (!absl::StrContains(version, engine.mark)) continue;
    return Refuse(absl::StrCat("the database is ", engine.name, ", which cannot be served: ",
                               engine.lacks, "; load into PostgreSQL, or PostgreSQL with Citus"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Engine> IdentifyEngine(BareSession& session, absl::Duration timeout) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string version,
                            Ask(session, "SELECT pg_catalog.version()", timeout));
  SYNCLINE_RETURN_IF_ERROR(CheckEngineName(version));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string citus, Ask(session, kHasCitusSql, timeout));
  return IsTrue(citus) ? Engine::kCitus : Engine::kPostgres;
}

absl::Status CheckAdvisoryLocks(BareSession& first, BareSession& second, absl::Duration timeout) {
  // A key that no other process has. The lock ends with the transaction of the second session.
  int64_t key = 0;
  const std::string random = RandomBytes(sizeof(key));
  std::memcpy(&key, random.data(), sizeof(key));
  const std::string lock =
      absl::StrCat("SELECT pg_catalog.pg_try_advisory_xact_lock(", key, "::pg_catalog.int8)");
  SYNCLINE_ASSIGN_OR_RETURN(const std::string taken,
                            Ask(second, absl::StrCat("BEGIN; ", lock), timeout));
  SYNCLINE_ASSIGN_OR_RETURN(const std::string taken_again, Ask(first, lock, timeout));
  SYNCLINE_RETURN_IF_ERROR(Ask(second, absl::StrCat(lock, "; COMMIT"), timeout).status());
  if (!IsTrue(taken) || !IsTrue(taken_again)) return absl::OkStatus();
  return Refuse(
      "two sessions hold the same advisory lock: the connection string leads to several servers, "
      "or the database accepts advisory locks and locks nothing; connect to one server");
}

}  // namespace syncline::postgres

#include "server/postgres/connection/pooler_check.h"

#include <string>

#include "absl/strings/match.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

constexpr char kAsk[] = "SELECT pg_catalog.pg_backend_pid()";
constexpr char kBeginAndAsk[] = "BEGIN; SELECT pg_catalog.pg_backend_pid()";
constexpr char kAskAndEnd[] = "SELECT pg_catalog.pg_backend_pid(); COMMIT";

// A pooler that hands out its sessions in turn may return the same ones once, but not twice.
constexpr int kRounds = 2;

absl::Status SessionsMixed() {
  return MakeError(
      absl::StatusCode::kFailedPrecondition,
      "a connection pooler mixes the sessions of its clients; let it pool sessions (PgBouncer: "
      "pool_mode = session), or connect to the database itself",
      {.reason = reason::kPoolerMode});
}

// Returns whether `error` is a pooler's refusal of transactions. PgBouncer reports all of its
// errors as 08P01 and does not translate them.
bool RefusesTransactions(const absl::Status& error) {
  return GetSqlState(error) == "08P01" &&
         absl::StrContains(error.message(), "transaction blocks not allowed");
}

absl::StatusOr<std::string> AskPid(BareSession& session, const char* sql, absl::Duration timeout) {
  absl::StatusOr<std::string> pid = session.Ask(sql, timeout);
  if (!absl::IsDeadlineExceeded(pid.status())) return pid;
  return DatabaseUnreachable("the database does not answer");
}

absl::StatusOr<std::string> BeginSecond(BareSession& second, absl::Duration timeout) {
  absl::StatusOr<std::string> pid = second.Ask(kBeginAndAsk, timeout);
  if (RefusesTransactions(pid.status())) return SessionsMixed();
  if (!absl::IsDeadlineExceeded(pid.status())) return pid;
  return MakeError(absl::StatusCode::kUnavailable,
                   "the database opened one session and did not open a second one in time; a "
                   "connection pooler must have room for all sessions of the server (PgBouncer: "
                   "default_pool_size)",
                   {.reason = reason::kTooManyConnections, .retry_after = absl::Seconds(1)});
}

}  // namespace

absl::Status CheckPooler(BareSession& first, BareSession& second, absl::Duration timeout) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string pid, AskPid(first, kAsk, timeout));
  std::string second_pid;
  for (int round = 0; round < kRounds; ++round) {
    SYNCLINE_ASSIGN_OR_RETURN(const std::string begun, BeginSecond(second, timeout));
    if (second_pid.empty()) second_pid = begun;
    if (begun == pid || begun != second_pid) return SessionsMixed();
    SYNCLINE_ASSIGN_OR_RETURN(const std::string meanwhile, AskPid(first, kAsk, timeout));
    if (meanwhile != pid) return SessionsMixed();
    SYNCLINE_ASSIGN_OR_RETURN(const std::string ended, AskPid(second, kAskAndEnd, timeout));
    if (ended != second_pid) return SessionsMixed();
  }
  return absl::OkStatus();
}

}  // namespace syncline::postgres

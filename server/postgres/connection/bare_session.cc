#include "server/postgres/connection/bare_session.h"

#include <libpq-fe.h>
#include <poll.h>

#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/conninfo.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ClearResult>;

absl::Status Lost() { return DatabaseUnreachable("the connection to the database was lost"); }

absl::Status ErrorOf(const PGresult* result) {
  const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  if (sqlstate == nullptr || *sqlstate == '\0') return Lost();
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return StatusFromSqlState(sqlstate, message == nullptr ? "" : message);
}

}  // namespace

void BareSession::Finish::operator()(pg_conn* connection) const { PQfinish(connection); }

absl::StatusOr<BareSession> BareSession::Open(const std::string& complete_conninfo,
                                              absl::Duration connect_timeout) {
  const absl::Time deadline = absl::Now() + connect_timeout;
  PGconn* const raw = PQconnectdb(complete_conninfo.c_str());
  if (raw == nullptr) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     "out of memory while connecting to the database",
                     {.reason = reason::kOutOfMemory, .retry_after = absl::Seconds(5)});
  }
  BareSession session(raw);
  // By default, libpq writes notices to stderr. The role may have asked for debug messages.
  PQsetNoticeProcessor(
      raw, [](void*, const char*) {}, nullptr);
  if (PQstatus(raw) == CONNECTION_OK) return session;
  return ConnectError(complete_conninfo, PQerrorMessage(raw), deadline - absl::Now());
}

absl::StatusOr<std::string> BareSession::Ask(const std::string& sql, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  PGconn* const connection = connection_.get();
  if (PQsendQuery(connection, sql.c_str()) != 1) return Lost();
  std::string value;
  while (true) {
    SYNCLINE_RETURN_IF_ERROR(WaitForResult(deadline));
    const ResultPtr result(PQgetResult(connection));
    if (result == nullptr) return value;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK && PQntuples(result.get()) == 1) {
      value = PQgetvalue(result.get(), 0, 0);
    } else if (status != PGRES_COMMAND_OK) {
      return ErrorOf(result.get());
    }
  }
}

absl::Status BareSession::WaitForResult(absl::Time deadline) {
  PGconn* const connection = connection_.get();
  while (PQisBusy(connection) != 0) {
    const int64_t left_ms = absl::ToInt64Milliseconds(deadline - absl::Now());
    if (left_ms <= 0) return absl::DeadlineExceededError("the database does not answer");
    pollfd ready = {PQsocket(connection), POLLIN, 0};
    poll(&ready, 1, static_cast<int>(left_ms));
    if (PQconsumeInput(connection) != 1) return Lost();
  }
  return absl::OkStatus();
}

int BareSession::server_version() const { return PQserverVersion(connection_.get()); }

std::string BareSession::server_encoding() const {
  const char* const encoding = PQparameterStatus(connection_.get(), "server_encoding");
  return encoding == nullptr ? "" : encoding;
}

}  // namespace syncline::postgres

#include "server/postgres/connection/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/connection_state.h"
#include "server/postgres/connection/conninfo.h"
#include "server/postgres/connection/copy_line.h"
#include "server/postgres/connection/durable_commit.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/connection/result_rows.h"
#include "server/postgres/connection/session_settings.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/connection/stored_text.h"

namespace syncline::postgres {
namespace {

// libpq copies each piece into an output buffer that grows by doubling and never shrinks
// (fe-misc.c, pqCheckOutBufferSpace), and the server refuses messages of 1 GiB (libpq.h,
// PQ_LARGE_MESSAGE_LIMIT). 1 MiB keeps the buffer small and is large enough to make the cost per
// message negligible.
constexpr size_t kCopyPieceBytes = size_t{1} << 20;

constexpr size_t kMaxPrepared = 64;

// Runs one or more statements. Returns null if they could not be sent.
ResultPtr Run(PGconn* connection, const std::string& sql) {
  return PQsendQuery(connection, sql.c_str()) == 1 ? ReadResult(connection) : nullptr;
}

// Returns whether the result of what was sent can be read without waiting, also because the
// connection is broken.
bool WaitForResult(PGconn* connection, absl::Duration limit) {
  const absl::Duration deadline = MonotonicNow() + limit;
  while (PQconsumeInput(connection) == 1 && PQisBusy(connection) == 1) {
    const absl::Duration left = deadline - MonotonicNow();
    if (left <= absl::ZeroDuration()) return false;
    pollfd ready = {PQsocket(connection), POLLIN, 0};
    if (poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) < 0 &&
        errno != EINTR) {
      return true;
    }
  }
  return true;
}

// Cancels the running statement. If the request cannot be sent, the statement continues.
void CancelStatement(PGconn* connection) {
  const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> cancel(PQgetCancel(connection),
                                                                  &PQfreeCancel);
  char error[256];
  if (cancel != nullptr) PQcancel(cancel.get(), error, sizeof(error));
}

}  // namespace

Connection::Connection(pg_conn* connection) : state_(std::make_unique<State>()) {
  state_->connection.reset(connection);
  // The text of a notice is not used: it depends on the server's language.
  PQsetNoticeProcessor(
      connection, [](void* state, const char*) { static_cast<State*>(state)->notice = true; },
      state_.get());
}

Connection::~Connection() = default;

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string conninfo,
                            CompleteConninfo(options.conninfo, options.connect_timeout));
  if (options.destination != nullptr) {
    SYNCLINE_RETURN_IF_ERROR(options.destination->Check(conninfo, options.connect_timeout));
  }
  const absl::Time deadline = absl::Now() + options.connect_timeout;
  PGconn* const raw = PQconnectdb(conninfo.c_str());
  if (raw == nullptr) {
    return MakeError(absl::StatusCode::kResourceExhausted,
                     "out of memory while connecting to the database",
                     {.reason = reason::kOutOfMemory, .retry_after = absl::Seconds(5)});
  }
  std::unique_ptr<Connection> connection(new Connection(raw));
  if (PQstatus(raw) != CONNECTION_OK) {
    return ConnectError(conninfo, PQerrorMessage(raw), deadline - absl::Now());
  }
  if (options.destination != nullptr) {
    connection->state_->repertoire = options.destination->repertoire();
  }
  connection->state_->socket = OpenSockets::Duplicate(options.sockets, PQsocket(raw));
  SYNCLINE_RETURN_IF_ERROR(CheckServerVersion(PQserverVersion(raw)));
  const bool citus = options.destination != nullptr && options.destination->citus();
  connection->state_->citus = citus;
  std::string opening = OpenSessionSql(citus ? SessionKind::kCitusData : SessionKind::kPostgres);
  if (options.lock_timeout > absl::ZeroDuration()) {
    opening = absl::StrCat(SetSessionLockTimeoutSql(options.lock_timeout), ";", opening);
  }
  const ResultPtr state = Run(raw, opening);
  if (!Succeeded(state.get())) return connection->GetError(state.get());
  SYNCLINE_RETURN_IF_ERROR(CheckSession(ReadRows(state.get(), /*decode=*/false)));
  return connection;
}

absl::Status Connection::GetError(const pg_result* result) const {
  const char* const sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  const char* const source = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
  // RAISE may use any SQLSTATE, so the message is replaced here, whatever the code.
  const bool raised = source != nullptr && absl::string_view(source) == "exec_stmt_raise";
  if (raised) primary = kRaisedMessage;
  if (sqlstate != nullptr && *sqlstate != '\0') {
    if (EndsSession(sqlstate)) state_->broken = true;
    // None of our statements on data connections makes PostgreSQL run a query of its own that could
    // be invalid.
    if (PQresultErrorField(result, PG_DIAG_INTERNAL_QUERY) != nullptr && IsInvalidQuery(sqlstate)) {
      return InvalidFunction(sqlstate, primary == nullptr ? "" : primary);
    }
    const absl::Status status = StatusFromSqlState(sqlstate, primary == nullptr ? "" : primary);
    return WithLocation(result, raised ? WithMetadata(status, kRaisedKey, "true") : status);
  }
  // Only the server reports codes. An error of libpq itself outside of a statement means that libpq
  // was misused. Within a statement it means that the server is gone, although PQstatus may still
  // be CONNECTION_OK (after a failed write).
  const bool in_statement =
      result != nullptr || PQtransactionStatus(state_->get()) == PQTRANS_ACTIVE;
  if (in_statement || PQstatus(state_->get()) != CONNECTION_OK) {
    state_->broken = true;
    return DatabaseUnreachable("the connection to the database was lost");
  }
  return MakeError(absl::StatusCode::kInternal,
                   absl::StripAsciiWhitespace(PQerrorMessage(state_->get())),
                   {.reason = reason::kDbClient});
}

absl::Status Connection::WithLocation(const pg_result* result, absl::Status status) const {
  constexpr std::pair<int, const char*> kNames[] = {{PG_DIAG_CONSTRAINT_NAME, "constraint"},
                                                    {PG_DIAG_COLUMN_NAME, "column"}};
  for (const auto& [field, key] : kNames) {
    const char* const name = PQresultErrorField(result, field);
    if (name != nullptr && *name != '\0') status = WithMetadata(status, key, name);
  }
  const char* const context = PQresultErrorField(result, PG_DIAG_CONTEXT);
  if (context == nullptr || state_->copied.empty()) return status;
  const int64_t line = ParseCopyLine(context, state_->copied);
  return line == 0 ? status : WithMetadata(status, kCopyLineKey, absl::StrCat(line));
}

absl::Status Connection::Execute(absl::string_view sql) {
  const ResultPtr result = Run(state_->get(), std::string(sql));
  return Succeeded(result.get()) ? absl::OkStatus() : GetError(result.get());
}

bool Connection::on_citus() const { return state_->citus; }

absl::Status Connection::Begin() { return Execute("BEGIN"); }

absl::Status Connection::Commit() {
  state_->notice = false;
  const ResultPtr result = Run(state_->get(), "COMMIT");
  if (!Succeeded(result.get())) {
    const absl::Status status = GetError(result.get());
    // The server may end the session after the transaction has been committed.
    return state_->broken || absl::IsUnavailable(status) ? CommitUnknown() : status;
  }
  // In a failed transaction the reply to COMMIT is ROLLBACK, without an error.
  if (absl::string_view(PQcmdStatus(result.get())) != "COMMIT") {
    return MakeError(absl::StatusCode::kAborted, "the transaction was rolled back",
                     {.reason = reason::kRolledBack, .retry_after = absl::Seconds(1)});
  }
  return ConfirmCommit();
}

absl::Status Connection::ConfirmCommit() {
  // Whatever prevents the confirmation, the transaction is committed and may not be durable.
  return !state_->notice || ConfirmDurable().ok() ? absl::OkStatus() : CommitNotConfirmed();
}

absl::Status Connection::ConfirmDurable(absl::Duration limit) {
  PGconn* const connection = state_->get();
  state_->notice = false;
  if (PQsendQuery(connection, kConfirmDurableSql) != 1) return GetError(nullptr);
  if (limit != absl::InfiniteDuration() && !WaitForResult(connection, limit)) {
    CancelStatement(connection);
    // A pooler may hold the request back.
    if (!WaitForResult(connection, limit)) {
      state_->broken = true;
      return CommitNotConfirmed();
    }
  }
  const ResultPtr result = ReadResult(connection);
  if (!Succeeded(result.get())) return GetError(result.get());
  return state_->notice ? CommitNotConfirmed() : absl::OkStatus();
}

absl::StatusOr<std::string> Connection::Prepare(absl::string_view sql) {
  State& state = *state_;
  const auto found = state.by_sql.find(sql);
  if (found != state.by_sql.end()) {
    state.prepared.splice(state.prepared.begin(), state.prepared, found->second);
    return found->second->name;
  }
  if (state.prepared.size() >= kMaxPrepared) {
    const State::Prepared oldest = state.prepared.back();
    SYNCLINE_RETURN_IF_ERROR(Execute(absl::StrCat("DEALLOCATE ", oldest.name)));
    state.Forget(oldest.sql);
  }
  const std::string name = absl::StrCat("s", state.next_name++);
  const bool sent =
      PQsendPrepare(state.get(), name.c_str(), std::string(sql).c_str(), 0, nullptr) == 1;
  const ResultPtr result = sent ? ReadResult(state.get()) : nullptr;
  if (!Succeeded(result.get())) return GetError(result.get());
  state.prepared.push_front({std::string(sql), name});
  state.by_sql.emplace(std::string(sql), state.prepared.begin());
  return name;
}

absl::StatusOr<Result> Connection::Query(absl::string_view sql, const Params& params) {
  return QueryInFormat(sql, params, kTextFormat);
}

absl::StatusOr<Result> Connection::QueryBinary(absl::string_view sql, const Params& params) {
  return QueryInFormat(sql, params, kBinaryFormat);
}

absl::StatusOr<Result> Connection::QueryInFormat(absl::string_view sql, const Params& params,
                                                 int format) {
  if (state_->repertoire == nullptr) return QueryStored(sql, params, format);
  SYNCLINE_ASSIGN_OR_RETURN(const Params stored, ToStored(params));
  return QueryStored(sql, stored, format);
}

absl::StatusOr<Params> Connection::ToStored(const Params& params) {
  return ToStoredParams(
      params, *state_->repertoire, PQtransactionStatus(state_->get()) == PQTRANS_INTRANS,
      [this](const char* statement, const Params& values) {
        return values.values().empty() ? Execute(statement)
                                       : QueryStored(statement, values, kTextFormat).status();
      });
}

absl::StatusOr<Result> Connection::QueryStored(absl::string_view sql, const Params& params,
                                               int format) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string name, Prepare(sql));
  return Receive(sql, SendPrepared(state_->get(), name, params, format));
}

absl::StatusOr<Result> Connection::Receive(absl::string_view sql, bool sent) {
  const ResultPtr result = sent ? ReadResult(state_->get()) : nullptr;
  if (Succeeded(result.get())) return ReadRows(result.get(), state_->repertoire != nullptr);
  const absl::Status error = GetError(result.get());
  state_->ForgetIfStale(sql, GetSqlState(error));
  return error;
}

absl::StatusOr<Result> Connection::QueryAndCommit(absl::string_view sql, const Params& params) {
  // If preparing fails, nothing has been executed.
  SYNCLINE_RETURN_IF_ERROR(Prepare(sql).status());
  state_->notice = false;
  return ConfirmStatement(QueryInFormat(sql, params, kTextFormat));
}

bool Connection::TrySend(const Statement& statement) {
  State& state = *state_;
  const auto found = state.by_sql.find(statement.sql);
  if (state.repertoire != nullptr || found == state.by_sql.end()) return false;
  state.prepared.splice(state.prepared.begin(), state.prepared, found->second);
  state.notice = false;
  state.sent = SendPrepared(state.get(), found->second->name, statement.params, kTextFormat);
  return true;
}

bool Connection::PollForResult(absl::Duration limit) {
  const int descriptor = PQsocket(state_->get());
  if (!state_->sent || descriptor < 0) return false;
  const absl::Duration end = MonotonicNow() + limit;
  char byte = 0;
  while (recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) return false;
    if (MonotonicNow() >= end) return false;
    sched_yield();
  }
  return true;
}

absl::StatusOr<Result> Connection::ReceiveAndCommit(const Statement& statement) {
  return ConfirmStatement(Receive(statement.sql, state_->sent));
}

absl::StatusOr<Result> Connection::ConfirmStatement(absl::StatusOr<Result> result) {
  // A read-only database has refused the statement, although its connection is given up then.
  if (absl::IsUnavailable(result.status()) && !usable() &&
      GetReason(result.status()) != reason::kDbReadOnly) {
    return CommitUnknown();
  }
  if (result.ok()) SYNCLINE_RETURN_IF_ERROR(ConfirmCommit());
  return result;
}

absl::Status Connection::BeginCopy(absl::string_view sql, absl::string_view relation) {
  state_->copied = std::string(relation);
  const ResultPtr result = Run(state_->get(), std::string(sql));
  if (PQresultStatus(result.get()) == PGRES_COPY_IN) return absl::OkStatus();
  if (!Succeeded(result.get())) return GetError(result.get());
  return MakeError(absl::StatusCode::kInternal, "the statement did not start COPY FROM STDIN",
                   {.reason = reason::kDbClient});
}

absl::Status Connection::PutCopyData(absl::string_view bytes) {
  while (!bytes.empty()) {
    const absl::string_view piece = bytes.substr(0, kCopyPieceBytes);
    if (PQputCopyData(state_->get(), piece.data(), static_cast<int>(piece.size())) != 1) {
      return GetError(nullptr);
    }
    bytes.remove_prefix(piece.size());
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> Connection::EndCopy() {
  // A failure here also shows in the results below, which have the server's reason.
  PQputCopyEnd(state_->get(), nullptr);
  absl::Status error;
  int64_t rows = 0;
  bool any = false;
  while (const ResultPtr result{PQgetResult(state_->get())}) {
    any = true;
    if (PQresultStatus(result.get()) == PGRES_COPY_IN) {
      // The SQL contained a second COPY, for which there is no data.
      PQputCopyEnd(state_->get(), "no data");
    } else if (Succeeded(result.get())) {
      int64_t count = 0;
      if (absl::SimpleAtoi(PQcmdTuples(result.get()), &count)) rows += count;
    } else if (error.ok()) {
      error = GetError(result.get());
    }
    if (PQstatus(state_->get()) != CONNECTION_OK) break;
  }
  state_->copied.clear();
  if (!error.ok()) return error;
  if (!any) return GetError(nullptr);
  return rows;
}

void Connection::Rollback() {
  PGconn* const connection = state_->get();
  if (PQtransactionStatus(connection) == PQTRANS_ACTIVE) {
    PQputCopyEnd(connection, "rolled back");
    while (const ResultPtr result{PQgetResult(connection)}) {
      if (PQstatus(connection) != CONNECTION_OK) break;
    }
  }
  const PGTransactionStatusType status = PQtransactionStatus(connection);
  if (status == PQTRANS_INTRANS || status == PQTRANS_INERROR) {
    const ResultPtr result = Run(connection, "ROLLBACK");
  }
}

bool Connection::usable() const {
  return !state_->broken && !state_->aborted && PQstatus(state_->get()) == CONNECTION_OK &&
         PQtransactionStatus(state_->get()) == PQTRANS_IDLE;
}

void Connection::Abort() {
  state_->aborted = true;
  state_->socket->Abort();
}

absl::StatusOr<std::vector<std::string>> Connection::WaitForNotifications(absl::Duration timeout,
                                                                          int wake) {
  PGconn* const connection = state_->get();
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    if (PQconsumeInput(connection) != 1) return GetError(nullptr);
    std::vector<std::string> payloads;
    while (PGnotify* const notification = PQnotifies(connection)) {
      payloads.emplace_back(notification->extra);
      PQfreemem(notification);
    }
    const absl::Duration left = std::min(deadline - absl::Now(), absl::Hours(1));
    if (!payloads.empty() || left <= absl::ZeroDuration()) return payloads;
    std::array<pollfd, 2> ready = {{{PQsocket(connection), POLLIN, 0}, {wake, POLLIN, 0}}};
    const int64_t left_ms = absl::ToInt64Milliseconds(left) + 1;
    if (poll(ready.data(), ready.size(), static_cast<int>(left_ms)) < 0 && errno != EINTR) {
      return DatabaseUnreachable("cannot wait for the connection to the database");
    }
    if ((ready[1].revents & POLLIN) != 0) return payloads;
  }
}

}  // namespace syncline::postgres

#include "server/postgres/connection/control_session.h"

#include <poll.h>

#include <exception>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/monotonic_time.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/conninfo.h"
#include "server/postgres/connection/durable_commit.h"
#include "server/postgres/connection/remote_error.h"
#include "server/postgres/connection/session_settings.h"
#include "server/postgres/connection/sqlstate.h"
#include "server/postgres/connection/statement_split.h"
#include "server/postgres/connection/stored_text.h"

#if defined(__SANITIZE_ADDRESS__)
// libpqxx 6.4 queries the encoding before it owns a result, and throws if the connection is gone:
// about 2 KiB leak per connection that breaks during a statement. The leak checker must report only
// our own leaks.
extern "C" const char* __lsan_default_suppressions() { return "leak:libpqxx"; }
#endif

namespace syncline::postgres {
namespace {

// Returns the message without its severity. libpqxx provides one string: "ERROR:  the primary
// message", followed by at most " at character 12", because the connection is terse.
std::string PrimaryMessage(absl::string_view text) {
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  const size_t severity = text.find(":  ");
  return std::string(severity == absl::string_view::npos ? text : text.substr(severity + 3));
}

// With `decode`, texts are read from their stored form (stored_text.h).
Result CopyResult(const pqxx::result& result, bool decode) {
  std::vector<std::string> names;
  for (pqxx::row_size_type column = 0; column < result.columns(); ++column) {
    names.emplace_back(result.column_name(column));
  }
  std::vector<Result::Values> rows;
  rows.reserve(result.size());
  for (const auto& row : result) {
    Result::Values& target = rows.emplace_back();
    target.reserve(row.size());
    for (const auto& field : row) {
      if (field.is_null()) {
        target.emplace_back(std::nullopt);
      } else {
        const absl::string_view value(field.c_str(), field.size());
        target.emplace_back(decode ? FromStoredText(value) : std::string(value));
      }
    }
  }
  return Result(std::move(names), std::move(rows), static_cast<int64_t>(result.affected_rows()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControlSession>> ControlSession::Open(
    const DatabaseOptions& options) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string conninfo,
                            CompleteConninfo(options.conninfo, options.connect_timeout));
  if (options.destination != nullptr) {
    SYNCLINE_RETURN_IF_ERROR(options.destination->Check(conninfo, options.connect_timeout));
  }
  const absl::Time deadline = absl::Now() + options.connect_timeout;
  std::unique_ptr<ControlSession> session;
  try {
    session.reset(new ControlSession(conninfo));
  } catch (const std::exception& error) {
    return ConnectError(conninfo, error.what(), deadline - absl::Now());
  }
  if (options.destination != nullptr) session->repertoire_ = options.destination->repertoire();
  session->socket_ = OpenSockets::Duplicate(options.sockets, session->connection_.sock());
  SYNCLINE_RETURN_IF_ERROR(CheckServerVersion(session->connection_.server_version()));
  const bool citus = options.destination != nullptr && options.destination->citus();
  SYNCLINE_ASSIGN_OR_RETURN(
      const Result state,
      session->Run(OpenSessionSql(citus ? SessionKind::kCitusControl : SessionKind::kPostgres)));
  SYNCLINE_RETURN_IF_ERROR(CheckSession(state));
  session->citus_ = citus;
  session->transaction_timeout_ = absl::Milliseconds(state.Row(0).Int("transaction_timeout_ms"));
  return session;
}

ControlSession::ControlSession(const std::string& conninfo)
    : connection_(conninfo), notices_(connection_), work_(connection_) {
  // DETAIL and CONTEXT may contain values of records.
  SetTerseErrors(connection_);
}

ControlSession::~ControlSession() {
  if (!owes_reply()) return;
  socket_->Abort();
  Receive().IgnoreError();
}

absl::StatusOr<Result> ControlSession::Run(const std::string& sql) {
  if (absl::StartsWith(sql, "BEGIN")) {
    began_ = MonotonicNow();
  } else if (sql == "COMMIT" || sql == "ROLLBACK") {
    began_.reset();
  }
  if (!citus_) return Guarded([&] { return work_.exec(sql); });
  Result last;
  for (const absl::string_view statement : SplitStatements(sql)) {
    absl::StatusOr<Result> result = Guarded([&] { return work_.exec(std::string(statement)); });
    const bool locks = absl::StartsWith(statement, "LOCK TABLE");
    if (locks && IsRemoteLockTimeout(result.status().message())) {
      return StatusFromSqlState("55P03", result.status().message());
    }
    SYNCLINE_RETURN_IF_ERROR(result.status());
    last = *std::move(result);
  }
  return last;
}

absl::StatusOr<Result> ControlSession::Run(const std::string& sql, const Params& params) {
  if (repertoire_ == nullptr) return RunStored(sql, params);
  SYNCLINE_ASSIGN_OR_RETURN(const Params stored,
                            ToStoredParams(params, *repertoire_, /*in_transaction=*/true,
                                           [this](const char* statement, const Params& values) {
                                             return values.values().empty()
                                                        ? Run(statement).status()
                                                        : RunStored(statement, values).status();
                                           }));
  return RunStored(sql, stored);
}

absl::StatusOr<Result> ControlSession::RunStored(const std::string& sql, const Params& params) {
  return Guarded([&] { return ExecuteWith(work_, sql, params.values()); });
}

absl::Status ControlSession::Commit() {
  notices_.Clear();
  return Confirm(Run("COMMIT").status());
}

absl::Status ControlSession::BeginCommit() {
  notices_.Clear();
  began_.reset();
  const absl::Status sent = Send("COMMIT");
  return sent.ok() ? sent : CommitUnknown();
}

absl::Status ControlSession::EndCommit() {
  const absl::Status reply = Receive().status();
  // A server that fails during the COMMIT may send an error before it ends. Whether it has
  // committed is unknown then, and only the next statement finds that it has ended.
  if (!reply.ok() && !broken()) Run("ROLLBACK").IgnoreError();
  return Confirm(reply);
}

absl::Status ControlSession::Send(const std::string& sql) {
  const absl::Status status = Catch([&] {
    sent_ = std::make_unique<pqxx::pipeline>(work_, "sent");
    sent_->insert(sql);
  });
  // Whether the statement runs is unknown.
  if (!status.ok()) lost_ = true;
  return status;
}

absl::StatusOr<Result> ControlSession::Receive() {
  absl::StatusOr<Result> result = Guarded([&] { return sent_->retrieve().second; });
  sent_.reset();
  return result;
}

bool ControlSession::WaitForReply(absl::Duration timeout) const {
  if (broken()) return true;
  pollfd socket = {.fd = connection_.sock(), .events = POLLIN, .revents = 0};
  return poll(&socket, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout))) > 0;
}

absl::Status ControlSession::Confirm(const absl::Status& reply) {
  if (!reply.ok()) return broken() ? CommitUnknown() : reply;
  if (!notices_.any()) return reply;
  notices_.Clear();
  const bool confirmed = Run(kConfirmDurableSql).ok() && !notices_.any();
  return confirmed ? absl::OkStatus() : CommitNotConfirmed();
}

void ControlSession::Cancel() {
  try {
    connection_.cancel_query();
  } catch (const std::exception&) {
    // The statement continues; the caller tries again.
  }
}

template <typename F>
absl::StatusOr<Result> ControlSession::Guarded(F&& run) {
  Result result;
  SYNCLINE_RETURN_IF_ERROR(Catch([&] { result = CopyResult(run(), repertoire_ != nullptr); }));
  return result;
}

template <typename F>
absl::Status ControlSession::Catch(F&& run) {
  // libpqxx would reconnect silently, even in the middle of a transaction.
  if (broken()) return DatabaseUnreachable("the connection to the database was lost");
  try {
    std::forward<F>(run)();
    return absl::OkStatus();
  } catch (const pqxx::too_many_connections& error) {
    return StatusFromSqlState("53300", PrimaryMessage(error.what()));
  } catch (const pqxx::broken_connection&) {
    lost_ = true;
  } catch (const pqxx::serialization_failure& error) {
    return StatusFromSqlState("40001", PrimaryMessage(error.what()));
  } catch (const pqxx::deadlock_detected& error) {
    return StatusFromSqlState("40P01", PrimaryMessage(error.what()));
  } catch (const pqxx::statement_completion_unknown& error) {
    return StatusFromSqlState("40003", PrimaryMessage(error.what()));
  } catch (const pqxx::transaction_rollback& error) {
    return StatusFromSqlState("40000", PrimaryMessage(error.what()));
  } catch (const pqxx::insufficient_privilege& error) {
    // libpqxx 6.4.5 throws this exception without an SQLSTATE.
    return StatusFromSqlState("42501", PrimaryMessage(error.what()));
  } catch (const pqxx::sql_error& error) {
    if (!error.sqlstate().empty()) {
      lost_ = EndsSession(error.sqlstate());
      return StatusFromSqlState(error.sqlstate(), PrimaryMessage(error.what()));
    }
  } catch (const std::exception& error) {
    if (!broken()) {
      return MakeError(absl::StatusCode::kInternal, PrimaryMessage(error.what()),
                       {.reason = reason::kDbClient});
    }
  }
  // Only the server reports codes. An error without one means that the server is gone, although
  // the connection may still look open (after a failed write).
  lost_ = true;
  return Lost();
}

// libpqxx passes on the last error only, so the reason that the server gave is unknown.
absl::Status ControlSession::Lost() const {
  if (transaction_timeout_ > absl::ZeroDuration() && began_.has_value() &&
      MonotonicNow() - *began_ >= transaction_timeout_) {
    return StatusFromSqlState("25P04", "terminating connection due to transaction timeout");
  }
  return DatabaseUnreachable("the connection to the database was lost");
}

}  // namespace syncline::postgres

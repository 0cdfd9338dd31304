// Connection: several statements as one transaction and in one round trip, by libpq's pipeline
// mode.
#include <libpq-fe.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/failpoint.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/connection_state.h"
#include "server/postgres/connection/result_rows.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {
namespace {

struct PreparedStatement {
  std::string name;
  const Params* params = nullptr;
  std::optional<Params> stored = {};  // if they differ from those of the statement
};

// The simple protocol is not available in a pipeline.
bool SendCommand(PGconn* connection, const char* sql) {
  return PQsendQueryParams(connection, sql, 0, nullptr, nullptr, nullptr, nullptr, kTextFormat) ==
         1;
}

// Sends everything up to the end of the pipeline. The results are so small that the server never
// waits for this side to read them, so that a blocking connection cannot deadlock.
bool SendPipeline(PGconn* connection, const std::vector<PreparedStatement>& statements) {
  if (PQenterPipelineMode(connection) != 1 || !SendCommand(connection, "BEGIN")) return false;
  for (const PreparedStatement& statement : statements) {
    if (!SendPrepared(connection, statement.name, *statement.params, kTextFormat)) return false;
  }
  return SendCommand(connection, "COMMIT") && PQpipelineSync(connection) == 1;
}

}  // namespace

absl::StatusOr<std::vector<Result>> Connection::QueryAllAndCommit(
    absl::Span<const Statement* const> statements) {
  // Prepare them. An error here means that nothing has been executed.
  std::vector<PreparedStatement> prepared;
  prepared.reserve(statements.size());
  for (const Statement* const statement : statements) {
    PreparedStatement& next = prepared.emplace_back();
    SYNCLINE_ASSIGN_OR_RETURN(next.name, Prepare(statement->sql));
    next.params = &statement->params;
    if (state_->repertoire == nullptr) continue;
    SYNCLINE_ASSIGN_OR_RETURN(next.stored, ToStored(statement->params));
    next.params = &*next.stored;
  }
  // Send them and read the results. The COMMIT may be on its way whatever fails from here on.
  state_->notice = false;
  if (!SendPipeline(state_->get(), prepared)) {
    state_->broken = true;
    return CommitUnknown();
  }
  SYNCLINE_FAILPOINT(kGroupSent);
  std::vector<Result> results;
  results.reserve(statements.size());
  const absl::Status status = ReadPipeline(statements, &results);
  if (state_->broken || PQstatus(state_->get()) != CONNECTION_OK) return CommitUnknown();
  if (!status.ok()) {
    Rollback();
    return status;
  }
  SYNCLINE_RETURN_IF_ERROR(ConfirmCommit());
  return results;
}

absl::Status Connection::ReadPipeline(absl::Span<const Statement* const> statements,
                                      std::vector<Result>* results) {
  PGconn* const connection = state_->get();
  const size_t commit = statements.size() + 1;  // BEGIN is the first command
  absl::Status first_error;
  for (size_t i = 0; i <= commit; ++i) {
    const ResultPtr result = ReadResult(connection);
    const bool is_statement = i > 0 && i < commit;
    if (Succeeded(result.get())) {
      if (is_statement) {
        results->push_back(ReadRows(result.get(), state_->repertoire != nullptr));
      } else if (i == commit && absl::string_view(PQcmdStatus(result.get())) != "COMMIT") {
        first_error = MakeError(absl::StatusCode::kAborted, "the transaction was rolled back",
                                {.reason = reason::kRolledBack, .retry_after = absl::Seconds(1)});
      }
    } else if (first_error.ok()) {
      // The commands that follow are not executed, and have results without an error of their own.
      first_error = GetError(result.get());
      if (is_statement) {
        state_->ForgetIfStale(statements[i - 1]->sql, GetSqlState(first_error));
      } else if (i == commit && absl::IsUnavailable(first_error)) {
        first_error = CommitUnknown();
      }
    }
    if (PQstatus(connection) != CONNECTION_OK) return first_error;
  }
  const ResultPtr end{PQgetResult(connection)};
  if (PQresultStatus(end.get()) != PGRES_PIPELINE_SYNC || PQexitPipelineMode(connection) != 1) {
    state_->broken = true;
  }
  return first_error;
}

}  // namespace syncline::postgres

#include "bench/runner/database.h"

#include <libpq-fe.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status_macros.h"

namespace syncline::bench {

absl::StatusOr<std::unique_ptr<Database>> Database::Connect(const std::string& dsn) {
  std::unique_ptr<Database> database(new Database(PQconnectdb(dsn.c_str())));
  if (PQstatus(database->connection_) != CONNECTION_OK) {
    return absl::InternalError(PQerrorMessage(database->connection_));
  }
  return database;
}

Database::~Database() { PQfinish(connection_); }

absl::StatusOr<Database::Result> Database::Check(pg_result* result, const std::string& sql) {
  Result owned(result, PQclear);
  const ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
    return owned;
  }
  return absl::InternalError(
      absl::StrCat(PQerrorMessage(connection_), " (", sql.substr(0, 200), ")"));
}

absl::StatusOr<Database::Result> Database::Run(const std::string& sql) {
  return Check(PQexec(connection_, sql.c_str()), sql);
}

absl::Status Database::Execute(const std::string& sql) { return Run(sql).status(); }

absl::StatusOr<std::vector<std::string>> Database::Column(const std::string& sql) {
  SYNCLINE_ASSIGN_OR_RETURN(const Result result, Run(sql));
  std::vector<std::string> values;
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    values.emplace_back(PQgetvalue(result.get(), row, 0));
  }
  return values;
}

absl::StatusOr<std::string> Database::Value(const std::string& sql) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<std::string> values, Column(sql));
  return values.empty() ? "" : values.front();
}

absl::StatusOr<int64_t> Database::Integer(const std::string& sql) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::string text, Value(sql));
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) {
    return absl::InternalError(absl::StrCat("not a number: ", text, " (", sql, ")"));
  }
  return number;
}

absl::Status Database::Prepare(const std::string& name, const std::string& sql) {
  return Check(PQprepare(connection_, name.c_str(), sql.c_str(), 0, nullptr), sql).status();
}

absl::Status Database::ExecutePrepared(const std::string& name,
                                       const std::vector<const char*>& values) {
  return Check(PQexecPrepared(connection_, name.c_str(), static_cast<int>(values.size()),
                              values.data(), nullptr, nullptr, 0),
               name)
      .status();
}

}  // namespace syncline::bench

#include "server/postgres/connection/ddl_step.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/status_macros.h"
#include "server/postgres/connection/sqlstate.h"

namespace syncline::postgres {

absl::Status MakeRefusal(absl::string_view reason, absl::string_view subject,
                         absl::string_view why) {
  ErrorDetail detail;
  detail.reason = std::string(reason);
  detail.subject = std::string(subject);
  return MakeError(absl::StatusCode::kFailedPrecondition, absl::StrCat(subject, ": ", why), detail);
}

bool IsRefused(const absl::Status& status) {
  static constexpr absl::string_view kClasses[] = {"0A", "22", "23", "2B",   "42",
                                                   "44", "54", "P0", "55000"};
  const std::string sqlstate = GetSqlState(status);
  if (sqlstate == "42501") return false;
  for (const absl::string_view start : kClasses) {
    if (absl::StartsWith(sqlstate, start)) return true;
  }
  return false;
}

absl::Status ToRefusal(const absl::Status& status, absl::string_view reason,
                       absl::string_view subject) {
  if (status.ok()) return status;
  if (!IsRefused(status)) return WithContext(status, subject);
  return WithMetadata(MakeRefusal(reason, subject, status.message()), "sqlstate",
                      GetSqlState(status));
}

absl::Status RunSteps(Transaction& transaction, const std::vector<DdlStep>& steps) {
  if (steps.empty()) return absl::OkStatus();
  std::string batch = "SAVEPOINT syncline_steps";
  for (const DdlStep& step : steps) absl::StrAppend(&batch, ";\n", step.sql);
  absl::StrAppend(&batch, ";\nRELEASE SAVEPOINT syncline_steps");
  const absl::Status status = transaction.Execute(batch);
  if (status.ok() || !IsRefused(status)) return status;
  // The message alone does not name the object.
  SYNCLINE_RETURN_IF_ERROR(transaction.Execute("ROLLBACK TO SAVEPOINT syncline_steps"));
  for (const DdlStep& step : steps) {
    SYNCLINE_RETURN_IF_ERROR(ToRefusal(transaction.Execute(step.sql), step.reason, step.subject));
  }
  return status;
}

}  // namespace syncline::postgres

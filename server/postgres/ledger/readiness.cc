#include "server/postgres/ledger/readiness.h"

#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/postgres/ledger/ledger_migration.h"

namespace syncline::postgres {
namespace {

constexpr char kDatabaseSql[] = R"sql(
SELECT coalesce(pg_catalog.host(pg_catalog.inet_server_addr()), 'local socket') AS host,
  pg_catalog.current_database() AS database, current_user AS role,
  pg_catalog.current_setting('server_version') AS version,
  coalesce((SELECT version FROM pg_catalog.pg_stat_ssl
            WHERE pid = pg_catalog.pg_backend_pid() AND ssl), 'none') AS tls
)sql";

// Logs the server, database and role to which the connections lead.
absl::Status LogDatabase(Database* database) {
  return database->Transact([](Transaction& transaction) -> absl::Status {
    SYNCLINE_ASSIGN_OR_RETURN(const Result rows, transaction.Query(kDatabaseSql));
    const RowView row = rows.Row(0);
    Log(LogLevel::kInfo, "database_reached")
        .Field("host", row.Text("host"))
        .Field("database", row.Text("database"))
        .Field("role", row.Text("role"))
        .Field("version", row.Text("version"))
        .Field("tls", row.Text("tls"));
    return absl::OkStatus();
  });
}

// Returns whether the database answered and refused, because of a missing right or because of its
// ledger or version. Waiting does not help then.
bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsFailedPrecondition(status);
}

}  // namespace

bool Readiness::Check() {
  const bool migrated = prepared().ok();
  // The ping replaces connections that broke while they were idle.
  absl::Status status = migrated ? database_->Ping() : MigrateLedger(*database_, ledger_schema_);
  if (migrated && status.ok()) status = CheckLedger(*database_, ledger_schema_);
  const bool was_ready = last().ok();
  if (status.ok() && !was_ready) status = LogDatabase(database_);
  MutexLock lock(&mutex_);
  if (!status.ok() && (!last_.has_value() || last_->ok() || *last_ != status)) {
    Log(LogLevel::kError, IsRefusal(status) ? "database_unusable" : "database_unreachable")
        .Error(status);
  }
  // While the ledger is too new for this server, every call is refused.
  migrated_ = (migrated || status.ok()) && GetReason(status) != reason::kLedgerTooNew;
  last_ = status;
  return status.ok();
}

absl::Status Readiness::last() const {
  MutexLock lock(&mutex_);
  if (last_.has_value()) return *last_;
  return MakeError(absl::StatusCode::kUnavailable,
                   "the server is starting: its ledger is not ready yet",
                   {.reason = reason::kLedgerNotReady, .retry_after = absl::Seconds(1)});
}

absl::Status Readiness::prepared() const {
  {
    MutexLock lock(&mutex_);
    if (migrated_) return absl::OkStatus();
  }
  return last();
}

}  // namespace syncline::postgres

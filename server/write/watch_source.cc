#include "server/write/watch_source.h"

#include "base/status_macros.h"
#include "server/postgres/connection/autocommit.h"
#include "server/postgres/ledger/checkpoint_reader.h"
#include "server/postgres/ledger/sync_marks.h"

namespace syncline::write {

absl::StatusOr<std::vector<SyncIdentity>> LedgerWatchSource::FindSyncs(
    const std::vector<std::string>& sync_ids) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::Connection* const connection, feed_.GetConnection());
  postgres::Autocommit reads(connection);
  return postgres::FindSyncs(reads, ledger_->quoted_schema(), sync_ids);
}

absl::StatusOr<std::vector<SyncMark>> LedgerWatchSource::ReadMarks(
    const std::vector<int64_t>& sync_nos) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::Connection* const connection, feed_.GetConnection());
  postgres::Autocommit reads(connection);
  return postgres::ReadSyncMarks(reads, ledger_->quoted_schema(), sync_nos);
}

absl::StatusOr<std::vector<SyncEntry>> LedgerWatchSource::ReadSummaries(
    const std::vector<int64_t>& sync_nos) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::Connection* const connection, feed_.GetConnection());
  postgres::Autocommit reads(connection);
  return ledger_->GetSummaries(reads, sync_nos);
}

absl::StatusOr<postgres::CheckpointNumbering> LedgerWatchSource::NumberCheckpoints(
    const std::vector<int64_t>& sync_nos) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::Connection* const connection, feed_.GetConnection());
  postgres::Autocommit reads(connection);
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<int64_t> due,
      postgres::FindDueCheckpoints(reads, ledger_->quoted_schema(), sync_nos));
  if (due.empty()) return postgres::CheckpointNumbering();
  return store_->NumberCheckpoints(due);
}

absl::StatusOr<CheckpointPage> LedgerWatchSource::ReadCheckpoints(const CheckpointQuery& query) {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::Connection* const connection, feed_.GetConnection());
  return postgres::ReadCheckpointPage(*connection, ledger_->quoted_schema(), query);
}

}  // namespace syncline::write

#include "server/write/merge_vacuum.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/log.h"
#include "base/monotonic_time.h"
#include "server/postgres/table/table_vacuum.h"

namespace syncline::write {

MergeVacuum::MergeVacuum(postgres::Database* database, absl::Duration delay)
    : database_(database), delay_(delay), stopped_(std::make_shared<Interruption>()) {}

void MergeVacuum::Note(const TableName& table, int64_t dead_rows) {
  if (dead_rows == 0) return;
  MutexLock lock(&mutex_);
  Noted& noted = noted_[table];
  noted.due = MonotonicNow() + delay_;
  noted.dead_rows += dead_rows;
}

std::map<TableName, int64_t> MergeVacuum::TakeDue() {
  std::map<TableName, int64_t> due;
  MutexLock lock(&mutex_);
  for (auto noted = noted_.begin(); noted != noted_.end();) {
    if (noted->second.due > MonotonicNow()) {
      ++noted;
      continue;
    }
    due.emplace(noted->first, noted->second.dead_rows);
    noted = noted_.erase(noted);
  }
  return due;
}

void MergeVacuum::Run() {
  const Interruption::Scope scope(stopped_);
  for (const auto& [table, dead_rows] : TakeDue()) {
    const absl::Duration started = MonotonicNow();
    const absl::StatusOr<bool> vacuumed = postgres::VacuumIfDue(*database_, table, dead_rows);
    if (!stopped_->status().ok()) return;
    if (!vacuumed.ok()) {
      Log(LogLevel::kWarning, "vacuum_failed")
          .Field("table", table.ToString())
          .Error(vacuumed.status());
    } else if (*vacuumed) {
      Log(LogLevel::kInfo, "table_vacuumed")
          .Field("table", table.ToString())
          .Field("took", MonotonicNow() - started);
    }
  }
}

void MergeVacuum::Stop() { stopped_->Interrupt(absl::CancelledError("the server is stopping")); }

}  // namespace syncline::write

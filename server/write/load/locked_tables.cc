#include "server/write/load/locked_tables.h"

namespace syncline::write {

void LockedTables::Forget(absl::Duration now) {
  for (auto table = tables_.begin(); table != tables_.end();) {
    const bool unused = !table->second.probed && now - table->second.asked > kForgetAfter;
    table = unused ? tables_.erase(table) : std::next(table);
  }
}

bool LockedTables::IsFree(int64_t stream_no) {
  MutexLock lock(&mutex_);
  return tables_.count(stream_no) == 0;
}

LockedTables::Turn LockedTables::Enter(int64_t stream_no, absl::Duration now) {
  MutexLock lock(&mutex_);
  Forget(now);
  const auto table = tables_.find(stream_no);
  if (table == tables_.end()) return Turn::kFree;
  table->second.asked = now;
  if (table->second.probed || probes_ >= max_probes_) return Turn::kWait;
  table->second.probed = true;
  ++probes_;
  return Turn::kProbe;
}

void LockedTables::EndProbe(int64_t stream_no) {
  MutexLock lock(&mutex_);
  --probes_;
  const auto table = tables_.find(stream_no);
  if (table != tables_.end()) table->second.probed = false;
}

std::optional<absl::Duration> LockedTables::SetLocked(int64_t stream_no, absl::Duration now) {
  MutexLock lock(&mutex_);
  Table& table = tables_.try_emplace(stream_no, Table{now, now, now + kFirstReport}).first->second;
  if (now < table.next_report) return std::nullopt;
  table.next_report = now + kReportInterval;
  return now - table.since;
}

void LockedTables::SetFree(int64_t stream_no) {
  MutexLock lock(&mutex_);
  if (!tables_.empty()) tables_.erase(stream_no);
}

}  // namespace syncline::write

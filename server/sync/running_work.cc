#include "server/sync/running_work.h"

#include "server/write/write_errors.h"

namespace syncline::sync {
namespace {

std::shared_ptr<Interruption> CurrentOrNew() {
  std::shared_ptr<Interruption> current = Interruption::Current();
  return current != nullptr ? current : std::make_shared<Interruption>();
}

}  // namespace

RunningWork::Work::Work(RunningWork* running, absl::string_view sync_id, Kind kind)
    : running_(running),
      sync_id_(sync_id),
      kind_(kind),
      interruption_(CurrentOrNew()),
      scope_(interruption_),
      admitted_(running->Add(sync_id_, kind, interruption_)) {}

RunningWork::Work::~Work() {
  if (admitted_) running_->Remove(sync_id_, kind_, interruption_);
}

absl::Status RunningWork::Work::admitted() const {
  return admitted_ ? absl::OkStatus() : write::StartInProgress(sync_id_);
}

bool RunningWork::Add(const std::string& sync_id, Kind kind,
                      const std::shared_ptr<Interruption>& added) {
  MutexLock lock(&mutex_);
  Sync& sync = syncs_[sync_id];
  if (kind == Kind::kStart) {
    if (sync.starting) return false;
    sync.starting = true;
  }
  sync.interruptions.insert(added);
  return true;
}

void RunningWork::Remove(const std::string& sync_id, Kind kind,
                         const std::shared_ptr<Interruption>& removed) {
  MutexLock lock(&mutex_);
  const auto found = syncs_.find(sync_id);
  Sync& sync = found->second;
  if (kind == Kind::kStart) sync.starting = false;
  sync.interruptions.erase(sync.interruptions.find(removed));
  if (sync.interruptions.empty()) syncs_.erase(found);
}

void RunningWork::Interrupt(absl::string_view sync_id, const absl::Status& status) {
  std::multiset<std::shared_ptr<Interruption>> interruptions;
  {
    MutexLock lock(&mutex_);
    const auto found = syncs_.find(sync_id);
    if (found != syncs_.end()) interruptions = found->second.interruptions;
  }
  for (const auto& interruption : interruptions) interruption->Interrupt(status);
}

}  // namespace syncline::sync

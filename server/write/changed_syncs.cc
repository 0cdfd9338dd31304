#include "server/write/changed_syncs.h"

#include <iterator>

#include "server/postgres/ledger/checkpoint_states.h"

namespace syncline::write {
namespace {

// The database measures kStateKept by its own clock and may number a checkpoint a little earlier.
constexpr absl::Duration kClockSlack = absl::Seconds(15);

// Beyond this, checkpoints that wait for another writer are found by the watchers' own reads.
constexpr size_t kMaxWaiting = 10'000;

std::vector<int64_t> TakeAll(std::set<int64_t>& syncs) {
  std::vector<int64_t> taken(syncs.begin(), syncs.end());
  syncs.clear();
  return taken;
}

}  // namespace

void ChangedSyncs::Committed(int64_t sync_no, bool has_checkpoints) {
  MutexLock lock(&mutex_);
  if (has_checkpoints) to_announce_.insert(sync_no);
  if (has_checkpoints || waiting_.count(sync_no) > 0) to_number_.insert(sync_no);
}

void ChangedSyncs::Ended(int64_t sync_no) {
  MutexLock lock(&mutex_);
  to_announce_.insert(sync_no);
}

void ChangedSyncs::Numbered(int64_t sync_no, absl::Time now) {
  MutexLock lock(&mutex_);
  numbered_at_[sync_no] = now;
}

ChangedSyncs::Changes ChangedSyncs::Take() {
  MutexLock lock(&mutex_);
  return {TakeAll(to_number_), TakeAll(to_announce_)};
}

void ChangedSyncs::PutBack(const Changes& changes) {
  MutexLock lock(&mutex_);
  to_number_.insert(changes.to_number.begin(), changes.to_number.end());
  to_announce_.insert(changes.to_announce.begin(), changes.to_announce.end());
}

void ChangedSyncs::Settle(const Changes& changes, const postgres::CheckpointNumbering& numbering,
                          absl::Time now) {
  MutexLock lock(&mutex_);
  for (const int64_t sync_no : numbering.numbered) numbered_at_[sync_no] = now;
  to_number_.insert(numbering.locked.begin(), numbering.locked.end());
  if (waiting_.size() > kMaxWaiting) waiting_.clear();
  std::set<int64_t> ready(changes.to_number.begin(), changes.to_number.end());
  for (const int64_t sync_no : numbering.waiting) {
    ready.erase(sync_no);
    // A commit between the survey and this call did not know that the sync waits for it.
    if (waiting_.insert(sync_no).second) to_number_.insert(sync_no);
  }
  for (const int64_t sync_no : ready) waiting_.erase(sync_no);
}

std::vector<int64_t> ChangedSyncs::GetRecentlyNumbered(absl::Time now) {
  MutexLock lock(&mutex_);
  std::vector<int64_t> syncs;
  for (auto sync = numbered_at_.begin(); sync != numbered_at_.end();) {
    syncs.push_back(sync->first);
    const bool last = sync->second + postgres::kStateKept + kClockSlack < now;
    sync = last ? numbered_at_.erase(sync) : std::next(sync);
  }
  return syncs;
}

}  // namespace syncline::write

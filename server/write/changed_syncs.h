// ChangedSyncs: which syncs this process has changed since their watchers were last informed.
//
// Whatever commits a change that watchers see notes the sync here, after the commit. A ticker takes
// the notes, numbers checkpoints and sends one NOTIFY for all (ledger_upkeep.h), so that no data
// transaction does either. If the process ends in between, nothing is lost: watchers also read once
// per second. Thread-safe; never blocks.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/postgres/ledger/checkpoint_numbers.h"

namespace syncline::write {

class ChangedSyncs {
 public:
  struct Changes {
    std::vector<int64_t> to_number;    // may have committed checkpoints without a number
    std::vector<int64_t> to_announce;  // their watchers are to be woken

    bool empty() const { return to_number.empty() && to_announce.empty(); }
  };

  // A data transaction of the sync was committed, which stored checkpoints if `has_checkpoints`.
  void Committed(int64_t sync_no, bool has_checkpoints);
  // A stream of the sync, or the sync, has ended.
  void Ended(int64_t sync_no);
  // Checkpoints of the sync got numbers at `now`, so that states of earlier ones may be dropped
  // later.
  void Numbered(int64_t sync_no, absl::Time now);

  // Returns what was noted since the last call, and forgets it.
  Changes Take();
  // Notes changes again that could not be announced.
  void PutBack(const Changes& changes);
  // Notes the result of numbering `changes` at `now`.
  void Settle(const Changes& changes, const postgres::CheckpointNumbering& numbering,
              absl::Time now);

  // Returns the syncs with checkpoints that were numbered recently, for DropCheckpointStates. A
  // sync is forgotten once all of its replaced states can be dropped.
  std::vector<int64_t> GetRecentlyNumbered(absl::Time now);

 private:
  Mutex mutex_;
  std::set<int64_t> to_number_ ABSL_GUARDED_BY(mutex_);
  std::set<int64_t> to_announce_ ABSL_GUARDED_BY(mutex_);
  // Syncs with checkpoints that wait for other writers: any commit may make one of them due.
  std::set<int64_t> waiting_ ABSL_GUARDED_BY(mutex_);
  std::map<int64_t, absl::Time> numbered_at_ ABSL_GUARDED_BY(mutex_);  // the latest time
};

}  // namespace syncline::write

// LockedTables: the tables that other sessions lock, as flushes have found them.
//
// A flush into a locked table holds a thread while it waits for the lock. So that many blocks for
// locked tables do not use all threads, only one flush at a time probes a locked table, with a
// short wait, and only some tables are probed at the same time. All other flushes into these tables
// wait without a thread. Tables are known by the number of their stream. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline::write {

class LockedTables {
 public:
  // A flush reports after this time that its table is locked, and then once per minute.
  static constexpr absl::Duration kFirstReport = absl::Seconds(10);
  static constexpr absl::Duration kReportInterval = absl::Minutes(1);
  // A table into which no flush has been tried for this time is no longer known.
  static constexpr absl::Duration kForgetAfter = absl::Seconds(10);

  // At most `max_probes` tables are probed at the same time.
  explicit LockedTables(int max_probes) : max_probes_(max_probes) {}

  enum class Turn {
    kFree,   // the table is not known as locked: flush
    kProbe,  // flush with a short wait for the lock, then call EndProbe
    kWait,   // try again later
  };
  // Returns what a flush into the table may do at `now`, on the monotonic clock.
  Turn Enter(int64_t stream_no, absl::Duration now);
  // Returns whether the table is not known as locked.
  bool IsFree(int64_t stream_no);
  void EndProbe(int64_t stream_no);

  // Notes that a flush did not get the lock. Returns how long the table has been locked if that is
  // to be reported now.
  std::optional<absl::Duration> SetLocked(int64_t stream_no, absl::Duration now);
  // Notes that a flush has got the lock.
  void SetFree(int64_t stream_no);

 private:
  struct Table {
    absl::Duration since;
    absl::Duration asked;  // the last Enter
    absl::Duration next_report;
    bool probed = false;
  };

  void Forget(absl::Duration now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const int max_probes_;
  Mutex mutex_;
  int probes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, Table> tables_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::write

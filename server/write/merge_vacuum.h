// MergeVacuum: vacuums tables after merges that left many dead rows, so that merges do not starve
// autovacuum (postgres/table/table_vacuum.h).
//
// Thread-safe, except that Run is for one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/interruption.h"
#include "base/mutex.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/database.h"

namespace syncline::write {

class MergeVacuum {
 public:
  // `database` must outlive it. `delay`: time from a merge to the vacuum, within which the merge
  // commits.
  explicit MergeVacuum(postgres::Database* database, absl::Duration delay = absl::Seconds(2));

  // Notes that a merge that is about to commit leaves `dead_rows` in `table`. Does not block.
  void Note(const TableName& table, int64_t dead_rows);

  // Vacuums the noted tables if it is due, one after the other. A failure is logged; autovacuum
  // does the work then.
  void Run();

  // Ends a running vacuum and all later ones.
  void Stop();

 private:
  struct Noted {
    absl::Duration due;  // as MonotonicNow
    int64_t dead_rows = 0;
  };

  // Removes the tables that are due, and returns them.
  std::map<TableName, int64_t> TakeDue();

  postgres::Database* const database_;
  const absl::Duration delay_;
  const std::shared_ptr<Interruption> stopped_;
  Mutex mutex_;
  std::map<TableName, Noted> noted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::write

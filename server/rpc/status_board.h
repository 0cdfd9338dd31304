// What the status page shows, as JSON: the server's own figures and the syncs of the ledger.
//
// The page is drawn from a copy, which Refresh renews while somebody looks at the page: neither a
// slow database nor many lookers cost more than one query a second. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/sync/sync_registry.h"

namespace syncline::rpc {

struct ServerFigures {
  bool ready = false;
  std::string reason;  // why it is not ready
  int64_t open_streams = 0;
  int64_t connections = 0;
  int64_t buffered_bytes = 0;
};

class StatusBoard {
 public:
  // `registry` outlives it. `figures` never waits.
  StatusBoard(sync::SyncRegistry* registry, std::function<ServerFigures()> figures);

  // The JSON of metrics/status_page.h. Does not wait for the database.
  std::string Json();

  // Reads the syncs again when Json was asked for within the last 10 s. Waits for the database.
  void Refresh();

 private:
  sync::SyncRegistry* const registry_;
  const std::function<ServerFigures()> figures_;
  const absl::Time started_at_ = absl::Now();
  Mutex mutex_;
  absl::Time asked_at_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::string syncs_ ABSL_GUARDED_BY(mutex_) = "[]";
  std::string error_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::rpc

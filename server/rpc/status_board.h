// Content of the status page as JSON: the server's own figures and the syncs of the ledger.
//
// The page shows a copy, which Refresh renews while the page is being viewed. So neither a slow
// database nor many viewers cause more than one query per second. Thread-safe.
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
  // `registry` must outlive this object. `figures` must not block.
  StatusBoard(sync::SyncRegistry* registry, std::function<ServerFigures()> figures);

  // Returns the JSON that metrics/status_page.h describes. Does not wait for the database.
  std::string Json();

  // Reads the syncs again if Json was called within the last 10 s. Waits for the database.
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

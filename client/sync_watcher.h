// Follows the events of one sync on its own thread and goes on after a broken connection.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "client/sync_client.h"

namespace syncline::client {

class SyncWatcher {
 public:
  using Handler = std::function<void(const v1::WatchSyncResponse&)>;

  // `handler` is called on the watcher's thread, one event at a time. `client` must outlive the
  // watcher. `retry_for`: how long a broken watch is opened again; after that the watcher is
  // silent, which delays what its user learns but loses nothing.
  SyncWatcher(SyncClient* client, std::string sync_id, absl::Duration retry_for, Handler handler);
  // Ends the call and joins.
  ~SyncWatcher();

 private:
  absl::Status WatchOnce(bool* heard);
  void Run();

  SyncClient* const client_;
  const std::string sync_id_;
  const absl::Duration retry_for_;
  const Handler handler_;
  int64_t after_sequence_ = 0;  // the thread's own

  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<WatchCall> call_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Thread> thread_;  // last: started when all else stands
};

}  // namespace syncline::client

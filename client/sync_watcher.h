// Receives the events of one sync on its own thread, and reconnects after a broken connection.
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

  // Events of checkpoints come without states. `handler` is called on the watcher's thread, one
  // event at a time. `client` must outlive the watcher. A broken watch is reopened for up to
  // `retry_for`; after that no more events arrive, which delays acknowledgements but loses no
  // records.
  SyncWatcher(SyncClient* client, std::string sync_id, absl::Duration retry_for, Handler handler);
  // Cancels the call and joins the thread.
  ~SyncWatcher();

 private:
  absl::Status WatchOnce(bool* heard);
  void Run();

  SyncClient* const client_;
  const std::string sync_id_;
  const absl::Duration retry_for_;
  const Handler handler_;
  int64_t after_sequence_ = 0;  // used only by the thread

  Mutex mutex_;
  CondVar stop_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<WatchCall> call_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<Thread> thread_;  // last: uses all other members
};

}  // namespace syncline::client

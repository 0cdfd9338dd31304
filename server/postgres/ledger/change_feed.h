// ChangeFeed: notifies watchers of a sync, by LISTEN, that something in it became durable.
//
// All watchers of a server share one connection, which exists while there is at least one. However
// many syncs are watched, the database's connections remain free for loading. The feed has no
// thread: one of the waiting watchers listens for all of them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// Thread-safe.
class ChangeFeed {
 public:
  // One watcher's subscription. For use by one thread. The feed must outlive it.
  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    // Returns true if something in the sync changed since the last call, possibly also if nothing
    // did, and false after `timeout`. Blocks. An error is reported once to each subscription of the
    // feed; the next call connects again. Errors: those of the database.
    absl::StatusOr<bool> Wait(absl::Duration timeout);

   private:
    friend class ChangeFeed;
    Subscription(ChangeFeed* feed, std::string sync) : feed_(feed), sync_(std::move(sync)) {}

    ChangeFeed* const feed_;
    const std::string sync_;  // the number as text, as notifications carry it
    // Guarded by the feed's mutex_.
    bool changed_ = false;
    absl::Status failure_;
  };

  // Both must outlive the feed.
  ChangeFeed(ConnectionPool* connections, const Ledger* ledger)
      : connections_(connections), ledger_(ledger) {}

  // Subscribes to a sync. After the return no change of the sync is missed. Blocks. Errors: those
  // of the database.
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(int64_t sync_no);

 private:
  absl::StatusOr<bool> Wait(Subscription& subscription, absl::Duration timeout);
  void Remove(Subscription* subscription);
  // Listens for all subscriptions and connects first if there is no connection. Blocks, without the
  // lock. Only for the thread that has set `listening_`.
  absl::StatusOr<std::vector<std::string>> WaitForNotification(absl::Duration timeout);
  // Sets `listening_`, which must be false, listens, marks the subscriptions that changed, and
  // clears `listening_`.
  void ListenForAll(absl::Duration timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ConnectionPool* const connections_;
  const Ledger* const ledger_;

  Mutex mutex_;
  CondVar changed_or_idle_;  // signaled after each WaitForNotification, when `listening_` is false
                             // again
  std::set<Subscription*> subscriptions_ ABSL_GUARDED_BY(mutex_);
  bool listening_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;  // the last WaitForNotification succeeded
  // Owned by the thread that set listening_; while it is false, guarded by mutex_.
  std::unique_ptr<Connection> connection_;
};

}  // namespace syncline::postgres

// ChangeFeed: tells those who watch syncs that something of theirs became durable, by LISTEN.
//
// All watches of a server share one connection, which is there while anybody watches: however many
// syncs are watched, the database has its connections for loading. There is no thread either: of
// the watches that wait, one listens for all.
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
  // One watch's ear. Used by one thread; the feed outlives it.
  class Subscription {
   public:
    ~Subscription();
    Subscription(const Subscription&) = delete;
    Subscription& operator=(const Subscription&) = delete;

    // True when something of the sync changed since the last call, perhaps also when nothing did;
    // false after `timeout`. Blocks. After an error, which every watch of the feed is told of, the
    // next call connects again. Errors: those of the database.
    absl::StatusOr<bool> Wait(absl::Duration timeout);

   private:
    friend class ChangeFeed;
    Subscription(ChangeFeed* feed, std::string sync) : feed_(feed), sync_(std::move(sync)) {}

    ChangeFeed* const feed_;
    const std::string sync_;  // the number as text, as notifications carry it
    // By the feed's lock.
    bool changed_ = false;
    absl::Status failure_;
  };

  // Both outlive the feed.
  ChangeFeed(ConnectionPool* connections, const Ledger* ledger)
      : connections_(connections), ledger_(ledger) {}

  // From its return on no change of the sync is missed. Blocks. Errors: those of the database.
  absl::StatusOr<std::unique_ptr<Subscription>> Subscribe(int64_t sync_no);

 private:
  absl::StatusOr<bool> Wait(Subscription& subscription, absl::Duration timeout);
  void Remove(Subscription* subscription);
  // Listens for all, connecting first where there is no connection. Blocks, without the lock: only
  // for whoever has set `listening_`.
  absl::StatusOr<std::vector<std::string>> Hear(absl::Duration timeout);
  // Takes the turn to listen, which nobody has, and gives it back.
  void HearForAll(absl::Duration timeout) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  ConnectionPool* const connections_;
  const Ledger* const ledger_;

  Mutex mutex_;
  CondVar turn_;  // somebody heard something, or nobody listens any more
  std::set<Subscription*> subscriptions_ ABSL_GUARDED_BY(mutex_);
  bool listening_ ABSL_GUARDED_BY(mutex_) = false;
  bool connected_ ABSL_GUARDED_BY(mutex_) = false;  // connection_ has listened since
  // Of whoever has set listening_; of nobody's else.
  std::unique_ptr<Connection> connection_;
};

}  // namespace syncline::postgres

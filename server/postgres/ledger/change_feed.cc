#include "server/postgres/ledger/change_feed.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status_macros.h"

namespace syncline::postgres {

ChangeFeed::Subscription::~Subscription() { feed_->Remove(this); }

absl::StatusOr<bool> ChangeFeed::Subscription::Wait(absl::Duration timeout) {
  return feed_->Wait(*this, timeout);
}

absl::StatusOr<std::unique_ptr<ChangeFeed::Subscription>> ChangeFeed::Subscribe(int64_t sync_no) {
  std::unique_ptr<Subscription> subscription(new Subscription(this, absl::StrCat(sync_no)));
  absl::Status failure;
  {
    MutexLock lock(&mutex_);
    subscriptions_.insert(subscription.get());
    while (!connected_ && subscription->failure_.ok()) {
      if (listening_) {
        changed_or_idle_.Wait(&mutex_);
      } else {
        ListenForAll(absl::ZeroDuration());
      }
    }
    failure = subscription->failure_;
  }
  // The subscription's destructor takes the lock, so it must run without it.
  if (!failure.ok()) return failure;
  return subscription;
}

absl::StatusOr<bool> ChangeFeed::Wait(Subscription& subscription, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  MutexLock lock(&mutex_);
  while (true) {
    if (!subscription.failure_.ok()) return std::exchange(subscription.failure_, absl::OkStatus());
    if (std::exchange(subscription.changed_, false)) return true;
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) return false;
    if (listening_) {
      changed_or_idle_.WaitFor(&mutex_, left);
    } else {
      ListenForAll(left);
    }
  }
}

void ChangeFeed::ListenForAll(absl::Duration timeout) {
  listening_ = true;
  const bool was_connected = connected_;
  mutex_.Unlock();
  absl::StatusOr<std::vector<std::string>> heard = WaitForNotification(timeout);
  mutex_.Lock();
  listening_ = false;
  connected_ = heard.ok();
  for (Subscription* const subscription : subscriptions_) {
    if (!heard.ok()) {
      subscription->failure_ = heard.status();
      continue;
    }
    // Notifications sent while disconnected are lost; wake every subscriber.
    if (!was_connected) subscription->changed_ = true;
    for (const std::string& sync : *heard) {
      if (sync == subscription->sync_) subscription->changed_ = true;
    }
  }
  changed_or_idle_.NotifyAll();
}

absl::StatusOr<std::vector<std::string>> ChangeFeed::WaitForNotification(absl::Duration timeout) {
  if (connection_ == nullptr) {
    SYNCLINE_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, connections_->OpenUnpooled());
    SYNCLINE_RETURN_IF_ERROR(ledger_->Listen(*connection));
    connection_ = std::move(connection);
    return std::vector<std::string>();
  }
  absl::StatusOr<std::vector<std::string>> heard = connection_->WaitForNotifications(timeout);
  if (!heard.ok()) connection_.reset();
  return heard;
}

void ChangeFeed::Remove(Subscription* subscription) {
  std::unique_ptr<Connection> unwanted;
  MutexLock lock(&mutex_);
  subscriptions_.erase(subscription);
  // Unread notifications would accumulate. No thread is listening now, because only a subscription
  // listens.
  if (!subscriptions_.empty()) return;
  connected_ = false;
  unwanted = std::move(connection_);
}

}  // namespace syncline::postgres

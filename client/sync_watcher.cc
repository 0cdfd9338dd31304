#include "client/sync_watcher.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "base/backoff.h"
#include "client/call_error.h"

namespace syncline::client {
namespace {

constexpr absl::Duration kStableAfter = absl::Seconds(5);

}  // namespace

SyncWatcher::SyncWatcher(SyncClient* client, std::string sync_id, absl::Duration retry_for,
                         Handler handler)
    : client_(client),
      sync_id_(std::move(sync_id)),
      retry_for_(retry_for),
      handler_(std::move(handler)),
      thread_(std::make_unique<Thread>("watch", [this] { Run(); })) {}

SyncWatcher::~SyncWatcher() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    if (call_ != nullptr) call_->Cancel();
  }
  stop_.NotifyAll();
  thread_.reset();
}

absl::Status SyncWatcher::WatchOnce(bool* heard) {
  std::shared_ptr<WatchCall> call =
      client_->WatchSync(sync_id_, after_sequence_, /*without_state=*/true);
  {
    MutexLock lock(&mutex_);
    if (stopping_) return absl::CancelledError("stopping");
    call_ = call;
  }
  v1::WatchSyncResponse event;
  while (call->Read(&event)) {
    *heard = true;
    if (event.has_checkpoint_committed()) {
      after_sequence_ = std::max(after_sequence_, event.checkpoint_committed().sequence());
    }
    handler_(event);
  }
  {
    MutexLock lock(&mutex_);
    call_ = nullptr;
  }
  return call->Finish();
}

void SyncWatcher::Run() {
  std::optional<Backoff> backoff;
  absl::Time broken_since;
  while (true) {
    const absl::Time began = absl::Now();
    bool heard = false;
    const absl::Status status = WatchOnce(&heard);
    if (status.ok() || !IsRetryableCall(status)) return;
    // The watch of an idle sync receives no events for a long time, so a long-lived call also
    // counts as a success.
    if (heard || absl::Now() - began > kStableAfter) backoff.reset();
    if (!backoff.has_value()) {
      backoff.emplace(absl::Milliseconds(100), absl::Seconds(3));
      broken_since = absl::Now();
    }
    MutexLock lock(&mutex_);
    const absl::Time wake_at = absl::Now() + backoff->Next();
    if (wake_at > broken_since + retry_for_) return;
    while (!stopping_ && absl::Now() < wake_at) stop_.WaitFor(&mutex_, wake_at - absl::Now());
    if (stopping_) return;
  }
}

}  // namespace syncline::client

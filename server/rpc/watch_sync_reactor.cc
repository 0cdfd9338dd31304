#include "server/rpc/watch_sync_reactor.h"

#include <grpcpp/impl/codegen/proto_utils.h>

#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "base/status_macros.h"
#include "server/rpc/call_answer.h"
#include "server/rpc/conversion.h"
#include "server/rpc/status_conversion.h"
#include "server/sync/sync_errors.h"
#include "server/sync/sync_watch.h"

namespace syncline::rpc {
namespace {

constexpr char kRpc[] = "WatchSync";
// Interval at which a waiting watch checks whether its caller is still there.
constexpr absl::Duration kWatchSlice = absl::Milliseconds(250);

}  // namespace

WatchSyncReactor* WatchSyncReactor::Start(const WatchSyncContext& context, Identity caller,
                                          v1::WatchSyncRequest request, Admission::Call place) {
  auto* const stream =
      new WatchSyncReactor(context, std::move(caller), std::move(request), std::move(place));
  stream->thread_ = Thread::TryStart("watch", [stream] { stream->Run(); });
  if (stream->thread_ == nullptr) stream->Finish(Answer(kRpc, NoThreadForWatchError()));
  return stream;
}

WatchSyncReactor::WatchSyncReactor(const WatchSyncContext& context, Identity caller,
                                   v1::WatchSyncRequest request, Admission::Call place)
    : context_(context),
      caller_(std::move(caller)),
      request_(std::move(request)),
      place_(std::move(place)) {}

void WatchSyncReactor::Run() {
  absl::Status status = context_.registry->CheckOwner(request_.sync_id(), caller_);
  if (status.ok()) status = Send();
  // A caller that has gone is not logged.
  Finish(absl::IsCancelled(status) ? ToGrpc(status) : Answer(kRpc, status));
}

absl::Status WatchSyncReactor::Send() {
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::unique_ptr<sync::SyncWatch> watch,
      context_.registry->Watch(request_.sync_id(), request_.after_sequence()));
  while (!cancelled()) {
    // Draining is checked before the read, so that everything committed until then is still sent.
    const bool draining = context_.admission->draining() && context_.admission->open_streams() == 0;
    SYNCLINE_ASSIGN_OR_RETURN(const std::vector<sync::SyncEvent> events, watch->Next(kWatchSlice));
    for (const sync::SyncEvent& event : events) {
      if (!Write(ToProto(event))) return sync::CallerGone();
      if (std::holds_alternative<sync::SyncFinishedEvent>(event)) return absl::OkStatus();
    }
    if (draining) return sync::Draining();
  }
  return sync::CallerGone();
}

bool WatchSyncReactor::Write(const v1::WatchSyncResponse& event) {
  bool owned = false;
  event_.Clear();
  const grpc::Status serialized =
      grpc::SerializationTraits<v1::WatchSyncResponse>::Serialize(event, &event_, &owned);
  if (!serialized.ok()) return false;
  {
    MutexLock lock(&mutex_);
    if (cancelled_) return false;
    writing_ = true;
  }
  StartWrite(&event_);
  MutexLock lock(&mutex_);
  while (writing_) changed_.Wait(&mutex_);
  return written_;
}

void WatchSyncReactor::OnWriteDone(bool ok) {
  // Notifies under the lock; otherwise this object could be destroyed before the notification.
  MutexLock lock(&mutex_);
  writing_ = false;
  written_ = ok;
  changed_.NotifyAll();
}

void WatchSyncReactor::OnCancel() {
  MutexLock lock(&mutex_);
  cancelled_ = true;
}

bool WatchSyncReactor::cancelled() const {
  MutexLock lock(&mutex_);
  return cancelled_;
}

}  // namespace syncline::rpc

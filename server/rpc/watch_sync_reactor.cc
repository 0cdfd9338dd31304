#include "server/rpc/watch_sync_reactor.h"

#include <utility>

#include "server/rpc/call_answer.h"
#include "server/rpc/status_conversion.h"
#include "server/sync/sync_errors.h"

namespace syncline::rpc {
namespace {

constexpr char kRpc[] = "WatchSync";

// Returns a message that refers to the event's bytes, which all watches share, and keeps them.
grpc::ByteBuffer ToMessage(sync::EncodedEvent event) {
  auto* const kept = new sync::EncodedEvent(std::move(event));
  // gRPC does not write to the bytes.
  char* const bytes = const_cast<char*>((*kept)->data());
  const grpc::Slice slice(
      bytes, (*kept)->size(), [](void* held) { delete static_cast<sync::EncodedEvent*>(held); },
      kept);
  return grpc::ByteBuffer(&slice, 1);
}

}  // namespace

WatchSyncReactor* WatchSyncReactor::Start(grpc::CallbackServerContext* context,
                                          sync::WatchReader* reader, sync::WatchRequest request,
                                          Admission::Call place) {
  const std::shared_ptr<WatchSyncReactor> watch(
      new WatchSyncReactor(context, reader, std::move(place)));
  watch->self_ = watch;
  reader->Open(watch->id_, std::move(request), watch);
  return watch.get();
}

WatchSyncReactor::WatchSyncReactor(grpc::CallbackServerContext* context, sync::WatchReader* reader,
                                   Admission::Call place)
    : context_(context), reader_(reader), id_(reader->NextId()), place_(std::move(place)) {}

void WatchSyncReactor::Send(std::vector<sync::EncodedEvent> events) {
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    writing_ = true;
  }
  events_ = std::move(events);
  next_ = 0;
  WriteNext();
}

void WatchSyncReactor::WriteNext() {
  bytes_ = ToMessage(std::move(events_[next_]));
  ++next_;
  StartWrite(&bytes_);
}

void WatchSyncReactor::OnWriteDone(bool ok) {
  bytes_.Clear();
  std::optional<absl::Status> end;
  const bool more = next_ < events_.size();
  {
    MutexLock lock(&mutex_);
    if (!ok || cancelled_) end = sync::CallerGone();
    if (!end.has_value()) end = end_;
    finished_ = end.has_value();
    writing_ = more && !finished_;
  }
  if (end.has_value()) {
    events_.clear();
    reader_->Close(id_);
    Finish(absl::IsCancelled(*end) ? ToGrpc(*end) : Answer(kRpc, *end));
  } else if (more) {
    WriteNext();
  } else {
    reader_->Taken(id_);
  }
}

void WatchSyncReactor::End(const absl::Status& status) {
  {
    MutexLock lock(&mutex_);
    if (finished_) return;
    if (writing_) {
      end_ = status;
      return;
    }
    finished_ = true;
  }
  Finish(Answer(kRpc, status));
}

void WatchSyncReactor::Abort() {
  // The context exists until OnDone returns, which waits for the lock. gRPC reports the
  // cancellation on another thread.
  MutexLock lock(&mutex_);
  if (!over_) context_->TryCancel();
}

void WatchSyncReactor::OnCancel() {
  {
    MutexLock lock(&mutex_);
    cancelled_ = true;
    // OnWriteDone finishes the call.
    if (finished_ || writing_) return;
    finished_ = true;
  }
  reader_->Close(id_);
  // A caller that has gone is not logged.
  Finish(ToGrpc(sync::CallerGone()));
}

void WatchSyncReactor::OnDone() {
  place_.reset();
  {
    MutexLock lock(&mutex_);
    over_ = true;
  }
  // May destroy this.
  const std::shared_ptr<WatchSyncReactor> last = std::move(self_);
}

}  // namespace syncline::rpc

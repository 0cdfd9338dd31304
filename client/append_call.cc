#include "client/append_call.h"

#include <utility>

#include "base/status_macros.h"
#include "client/append_reactor.h"
#include "client/call_error.h"

namespace syncline::client {

void AppendReactor::Start(v1::SyncService::Stub* stub) {
  stub->async()->AppendRecords(&context_, this);
  StartRead(&answer_);
  // Writes are started by other threads than those that run the On… functions.
  AddHold();
  may_write_ = true;
  StartCall();
}

bool AppendReactor::Write(std::shared_ptr<const v1::AppendRecordsRequest> request) {
  {
    MutexLock lock(&mutex_);
    WaitUntilWritten();
    if (broken_) return false;
    writing_ = true;
  }
  request_ = std::move(request);
  StartWrite(request_.get());
  return true;
}

absl::StatusOr<v1::AppendRecordsResponse> AppendReactor::Finish() {
  bool broken = false;
  {
    MutexLock lock(&mutex_);
    WaitUntilWritten();
    broken = broken_;
  }
  if (!broken) StartWritesDone();
  StopWriting();
  WaitUntilDone();
  MutexLock lock(&mutex_);
  SYNCLINE_RETURN_IF_ERROR(FromGrpc(status_));
  return last_answer_;
}

void AppendReactor::Stop() {
  if (!may_write_) return;
  context_.TryCancel();
  StopWriting();
  WaitUntilDone();
}

void AppendReactor::StopWriting() {
  if (std::exchange(may_write_, false)) RemoveHold();
}

void AppendReactor::WaitUntilWritten() {
  while (writing_) changed_.Wait(&mutex_);
}

void AppendReactor::WaitUntilDone() {
  MutexLock lock(&mutex_);
  while (!done_) changed_.Wait(&mutex_);
}

void AppendReactor::OnReadDone(bool ok) {
  if (!ok) {
    // No answer follows, so the call has ended or is about to.
    MutexLock lock(&mutex_);
    broken_ = true;
    return;
  }
  on_answer_(answer_);
  {
    MutexLock lock(&mutex_);
    last_answer_ = answer_;
  }
  StartRead(&answer_);
}

void AppendReactor::OnWriteDone(bool ok) {
  MutexLock lock(&mutex_);
  writing_ = false;
  broken_ = broken_ || !ok;
  changed_.NotifyAll();
}

void AppendReactor::OnDone(const grpc::Status& status) {
  // With the lock, because the object is destroyed once another thread has seen `done_`.
  MutexLock lock(&mutex_);
  status_ = status;
  done_ = true;
  changed_.NotifyAll();
}

AppendCall::AppendCall(std::unique_ptr<AppendReactor> reactor) : reactor_(std::move(reactor)) {}

AppendCall::~AppendCall() { reactor_->Stop(); }

bool AppendCall::Write(std::shared_ptr<const v1::AppendRecordsRequest> request) {
  return reactor_->Write(std::move(request));
}

absl::StatusOr<v1::AppendRecordsResponse> AppendCall::Finish() { return reactor_->Finish(); }

}  // namespace syncline::client

// CancelGate: decides whether a cancel request may be sent for a transaction, so that none ever
// reaches COMMIT or the next transaction of the session.
//
// One gate per transaction. The thread of the transaction reports statements and COMMIT; the thread
// that sends requests calls Request. A session for which Request has returned true must be closed,
// because the request may arrive late. Thread-safe. Does not block.
#pragma once

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace syncline::postgres {

class CancelGate {
 public:
  // Before a statement other than COMMIT. Returns false if the transaction is cancelled: the
  // statement must not be sent.
  bool BeginStatement() {
    MutexLock lock(&mutex_);
    if (cancelled_) return false;
    running_ = true;
    return true;
  }
  void EndStatement() {
    MutexLock lock(&mutex_);
    running_ = false;
  }

  // At the end of the transaction, before COMMIT, ROLLBACK, or closing the session: nothing is
  // cancelled after that. Returns false if the transaction was cancelled: the session must be
  // closed.
  bool Close() {
    MutexLock lock(&mutex_);
    closed_ = true;
    return !cancelled_;
  }

  bool cancelled() const {
    MutexLock lock(&mutex_);
    return cancelled_;
  }

  // Cancels the transaction, unless the gate is closed. Returns whether to send a request now, and
  // then to call this again: a request that arrives before its statement has no effect.
  bool Request() {
    MutexLock lock(&mutex_);
    if (closed_) return false;
    cancelled_ = true;
    return running_;
  }

 private:
  mutable Mutex mutex_;
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace syncline::postgres

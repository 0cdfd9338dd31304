// FlushInterrupt: ends the flush of one buffer from another thread, because its call has ended.
//
// It breaks the connection that the flush uses, which rolls the transaction back, except while
// COMMIT runs: its outcome is known only from its reply. The statement of a small block is broken,
// too, because it may wait for long; whether it is committed is then unknown. A commit together
// with blocks of other calls is not. Thread-safe.
#pragma once

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "server/postgres/connection/connection.h"

namespace syncline::write {

class FlushInterrupt {
 public:
  // Ends the running attempt unless it commits, and prevents later ones. Does not block.
  void Interrupt() {
    MutexLock lock(&mutex_);
    interrupted_ = true;
    if (connection_ != nullptr && !committing_) connection_->Abort();
  }

  bool interrupted() const {
    MutexLock lock(&mutex_);
    return interrupted_;
  }

  // Makes `connection` the one of the running attempt until it is destroyed, which must be before
  // the connection is returned or closed.
  class Attempt {
   public:
    Attempt(FlushInterrupt* interrupt, postgres::Connection* connection) : interrupt_(interrupt) {
      MutexLock lock(&interrupt_->mutex_);
      interrupt_->connection_ = connection;
    }
    ~Attempt() {
      MutexLock lock(&interrupt_->mutex_);
      interrupt_->connection_ = nullptr;
    }
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

   private:
    FlushInterrupt* const interrupt_;
  };

  // Returns false if the attempt is interrupted and must not commit. Otherwise EndCommit must
  // follow.
  bool BeginCommit() {
    MutexLock lock(&mutex_);
    committing_ = !interrupted_;
    return committing_;
  }
  void EndCommit() {
    MutexLock lock(&mutex_);
    committing_ = false;
  }

 private:
  mutable Mutex mutex_;
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
  bool committing_ ABSL_GUARDED_BY(mutex_) = false;
  postgres::Connection* connection_ ABSL_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace syncline::write

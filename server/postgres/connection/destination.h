// Destination: what the process knows about the database that its connection string names.
//
// One per server process, shared by all of its connections. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/postgres/connection/repertoire.h"

namespace syncline::postgres {

class Destination {
 public:
  // Checks that the database can be served. Every connection calls it before it sets anything; the
  // first success is remembered, a failure is not. Opens two connections. Each of its steps takes
  // at most `timeout`. A call that finds another one at work waits for its result. Errors:
  // those of CheckServerVersion; FAILED_PRECONDITION DB_ENGINE (engine_check.h);
  // FAILED_PRECONDITION POOLER_MODE (pooler_check.h); FAILED_PRECONDITION DB_ENCODING if the
  // encoding of the database is SQL_ASCII; UNAVAILABLE TOO_MANY_CONNECTIONS; those of ConnectError
  // and of sqlstate.h.
  absl::Status Check(const std::string& complete_conninfo, absl::Duration timeout);

  // Returns what is known about the characters of the database's encoding, or null if that has all
  // characters (UTF8) or Check has not succeeded yet.
  Repertoire* repertoire() { return limited_ ? &repertoire_ : nullptr; }

  // Returns whether the database had the Citus extension when Check succeeded; false before.
  bool citus() const { return citus_; }

 private:
  absl::Status Ask(const std::string& complete_conninfo, absl::Duration timeout);

  std::atomic<bool> checked_ = false;
  std::atomic<bool> limited_ = false;
  std::atomic<bool> citus_ = false;
  Repertoire repertoire_;
  Mutex mutex_;
  CondVar asked_;
  bool asking_ ABSL_GUARDED_BY(mutex_) = false;
  int64_t answers_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status last_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres

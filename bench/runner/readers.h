// Connections that read one table repeatedly, each on its own thread, and the duration of each
// read.
//
// Must be created, used and destroyed by one thread. The destructor stops and joins the readers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/thread.h"
#include "bench/runner/database.h"

namespace syncline::bench {

struct Read {
  absl::Time began;
  absl::Time ended;
};

class Readers {
 public:
  // Starts `count` readers of `sql`, each with a pause between two reads.
  static absl::StatusOr<std::unique_ptr<Readers>> Start(const std::string& dsn, int count,
                                                        const std::string& sql,
                                                        absl::Duration pause);
  ~Readers();

  // Returns all reads so far. Returns INTERNAL if a read failed, which must never happen.
  absl::StatusOr<std::vector<Read>> Reads();

 private:
  Readers() = default;
  void Run(Database& database, const std::string& sql, absl::Duration pause);

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<Read> reads_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Database>> databases_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace syncline::bench

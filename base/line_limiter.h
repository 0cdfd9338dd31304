// Rate limits for log lines: the first few of one kind per window are logged, the rest are counted.
//
// For events that clients can cause at any rate. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline {

class LineLimiter {
 public:
  LineLimiter(int lines, absl::Duration window) : lines_(lines), window_(window) {}

  // Returns nullopt if the line must not be logged, otherwise the number of lines omitted since the
  // last one.
  std::optional<int64_t> Take(absl::Time now) {
    MutexLock lock(&mutex_);
    if (now - window_start_ >= window_) {
      window_start_ = now;
      taken_ = 0;
    }
    if (taken_ == lines_) {
      ++omitted_;
      return std::nullopt;
    }
    ++taken_;
    return std::exchange(omitted_, 0);
  }

 private:
  const int lines_;
  const absl::Duration window_;
  Mutex mutex_;
  absl::Time window_start_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int taken_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t omitted_ ABSL_GUARDED_BY(mutex_) = 0;
};

// A LineLimiter for each key. The keys must be few, such as the reasons of errors.
class LineLimiters {
 public:
  LineLimiters(int lines, absl::Duration window) : lines_(lines), window_(window) {}

  // As LineLimiter::Take, for the lines of `key`.
  std::optional<int64_t> Take(const std::string& key, absl::Time now) { return Get(key).Take(now); }

 private:
  // Elements of a map stay where they are.
  LineLimiter& Get(const std::string& key) {
    MutexLock lock(&mutex_);
    return limiters_.try_emplace(key, lines_, window_).first->second;
  }

  const int lines_;
  const absl::Duration window_;
  Mutex mutex_;
  std::map<std::string, LineLimiter> limiters_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline

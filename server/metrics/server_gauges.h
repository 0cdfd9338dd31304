// ServerGaugesCollector: collects the server-wide metrics from the server's objects when they are
// scraped.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/reasons.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "server/metrics/metrics.h"

namespace syncline::metrics {

// Thread-safe.
class ServerGaugesCollector : public prometheus::Collectable {
 public:
  void Set(ServerGauges gauges);
  // Removes the gauges. None of their functions is called after it returns.
  void Clear();
  void FencedWriter() { fenced_writers_.fetch_add(1, std::memory_order_relaxed); }
  void UnknownFields(int64_t fields) {
    unknown_fields_.fetch_add(fields, std::memory_order_relaxed);
  }

  void AuthenticationFailed(absl::string_view reason);
  void CallRefused(absl::string_view reason);

  // Called on the HTTP server's threads. Without gauges, returns only the metrics of the process
  // and those that are counted here.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  static void CollectProcess(std::vector<prometheus::MetricFamily>* families);
  void CollectCallers(std::vector<prometheus::MetricFamily>* families) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<int64_t> fenced_writers_{0};
  std::atomic<int64_t> unknown_fields_{0};
  // Held while the functions run, so that Clear waits for them. They only read counters.
  mutable Mutex mutex_;
  // The next two are by reason. They start at 0, so that increase() includes the first failure.
  std::map<std::string, int64_t> authentication_failures_ ABSL_GUARDED_BY(mutex_) = {
      {reason::kNoCredentials, 0}, {reason::kBadCredentials, 0}, {reason::kCredentialsExpired, 0}};
  std::map<std::string, int64_t> calls_refused_ ABSL_GUARDED_BY(mutex_) = {
      {reason::kTooManyCalls, 0},
      {reason::kTooManyWatches, 0},
      {reason::kTooManyStreams, 0},
      {reason::kDraining, 0}};
  ServerGauges gauges_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::metrics

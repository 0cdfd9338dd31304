// The server-wide metrics: read from the server's objects when they are scraped.
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
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"
#include "server/metrics/metrics.h"

namespace syncline::metrics {

// Thread-safe.
class ServerGaugesCollector : public prometheus::Collectable {
 public:
  void Set(ServerGauges gauges);
  // When it returns, no function of the gauges runs, and none will.
  void Clear();
  void FencedWriter() { fenced_writers_.fetch_add(1, std::memory_order_relaxed); }
  void UnknownFields(int64_t fields) {
    unknown_fields_.fetch_add(fields, std::memory_order_relaxed);
  }

  void AuthenticationFailed(absl::string_view reason);

  // On the metrics thread. Without gauges only what is counted here is there.
  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  static void CollectProcess(std::vector<prometheus::MetricFamily>* families);
  void CollectCallers(std::vector<prometheus::MetricFamily>* families) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<int64_t> fenced_writers_{0};
  std::atomic<int64_t> unknown_fields_{0};
  // Held while the functions run, so that Clear can promise what it does; they only read counters.
  mutable Mutex mutex_;
  // By reason; at 0 before the first, so that an increase is seen.
  std::map<std::string, int64_t> authentication_failures_ ABSL_GUARDED_BY(mutex_) = {
      {"NO_CREDENTIALS", 0}, {"BAD_CREDENTIALS", 0}, {"CREDENTIALS_EXPIRED", 0}};
  ServerGauges gauges_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::metrics

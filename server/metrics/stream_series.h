// StreamSeries: the Prometheus series of one (namespace, stream, generation). A series is added on
// construction or when it is first observed.
//
// The details are those that only say something about a generation while it is loaded: histograms,
// and what is not durable yet. They are most of the lines of a scrape, and are removed soon after
// the generation has finished. The others are removed later, all together.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "server/metrics/metrics.h"

namespace syncline::metrics {

// The families to which streams add their series. Owned by `registry`, which must outlive this
// object.
struct StreamFamilies {
  explicit StreamFamilies(prometheus::Registry& registry);

  prometheus::Family<prometheus::Counter>& records_received;
  prometheus::Family<prometheus::Counter>& records_committed;
  prometheus::Family<prometheus::Counter>& records_rejected;
  prometheus::Family<prometheus::Counter>& values_changed;
  prometheus::Family<prometheus::Counter>& fields_undeclared;
  prometheus::Family<prometheus::Counter>& bytes_received;
  prometheus::Family<prometheus::Histogram>& flush_seconds;
  prometheus::Family<prometheus::Histogram>& flush_rows;
  prometheus::Family<prometheus::Histogram>& finalize_seconds;
  prometheus::Family<prometheus::Histogram>& swap_lock_wait;
  prometheus::Family<prometheus::Counter>& swap_retries;
  prometheus::Family<prometheus::Gauge>& stream_state;
  prometheus::Family<prometheus::Gauge>& durable_offset;
  prometheus::Family<prometheus::Gauge>& uncommitted_age;
  prometheus::Family<prometheus::Gauge>& last_success;
};

// Thread-safe. After Remove, it may outlive the families, and observations have no effect.
class StreamSeries : public StreamMetrics {
 public:
  // `now` provides the time of Finished. `families` must live until Remove.
  StreamSeries(StreamFamilies* families, prometheus::Labels labels,
               std::function<absl::Time()> now);

  void Received(int64_t records, int64_t bytes) override;
  void Committed(int64_t records) override;
  void ValuesChanged(int64_t nulled, int64_t truncated, int64_t undeclared) override;
  void Rejected(absl::string_view reason, int64_t records) override;
  void Flushed(int64_t rows, absl::Duration took) override;
  void Finalized(absl::string_view phase, absl::Duration took) override;
  void SwapLock(absl::Duration waited, int retries) override;
  void DurableOffset(int64_t records) override;
  void UncommittedAge(absl::Duration age) override;
  void Phase(StreamPhase phase) override;
  void Succeeded(absl::Time when) override;
  void Finished() override;

  // Clears Finished, because the stream is loaded again, and adds the details again if they were
  // removed. Received and Flushed do the same, because another sync may still load the generation.
  void Resume();
  // Returns when Finished was called, or InfiniteFuture if it was not.
  absl::Time finished_at() const;
  // Removes the details from the families.
  void RemoveDetails();
  // Removes all series from the families.
  void Remove();

 private:
  void ResumeLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AddDetailsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RemoveDetailsLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Returns `labels_` and one more label.
  prometheus::Labels LabelsWith(const std::string& name, absl::string_view value) const;

  const prometheus::Labels labels_;
  const std::function<absl::Time()> now_;

  mutable Mutex mutex_;
  StreamFamilies* families_ ABSL_GUARDED_BY(mutex_);  // null once removed
  absl::Time finished_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  // Added by the constructor.
  prometheus::Counter* const records_received_ ABSL_PT_GUARDED_BY(mutex_);
  prometheus::Counter* const records_committed_ ABSL_PT_GUARDED_BY(mutex_);
  prometheus::Counter* const bytes_received_ ABSL_PT_GUARDED_BY(mutex_);
  prometheus::Gauge* const stream_state_ ABSL_PT_GUARDED_BY(mutex_);
  // Added when first observed, because most streams never need them and a timestamp of 0 would
  // trigger alerts.
  prometheus::Gauge* last_success_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::map<std::string, prometheus::Counter*> records_rejected_ ABSL_GUARDED_BY(mutex_);
  prometheus::Counter* values_nulled_ ABSL_GUARDED_BY(mutex_) = nullptr;
  prometheus::Counter* values_truncated_ ABSL_GUARDED_BY(mutex_) = nullptr;
  prometheus::Counter* fields_undeclared_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // The details. Those of the first group are null only after RemoveDetails.
  prometheus::Histogram* flush_seconds_ ABSL_GUARDED_BY(mutex_) = nullptr;
  prometheus::Histogram* flush_rows_ ABSL_GUARDED_BY(mutex_) = nullptr;
  prometheus::Gauge* durable_offset_ ABSL_GUARDED_BY(mutex_) = nullptr;
  prometheus::Gauge* uncommitted_age_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Added when first observed.
  prometheus::Histogram* swap_lock_wait_ ABSL_GUARDED_BY(mutex_) = nullptr;
  prometheus::Counter* swap_retries_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::map<std::string, prometheus::Histogram*> finalize_seconds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::metrics

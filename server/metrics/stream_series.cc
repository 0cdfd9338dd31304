#include "server/metrics/stream_series.h"

#include <utility>

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "server/metrics/names.h"

namespace syncline::metrics {
namespace {

using Buckets = prometheus::Histogram::BucketBoundaries;

// A data transaction takes milliseconds if the database is near and idle, and seconds if its disk
// is busy.
const Buckets& FlushSecondsBuckets() {
  static const Buckets* const buckets =
      new Buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
  return *buckets;
}

const Buckets& FlushRowsBuckets() {
  static const Buckets* const buckets =
      new Buckets{1, 10, 100, 1'000, 2'500, 5'000, 10'000, 25'000, 50'000, 100'000, 1'000'000};
  return *buckets;
}

// Index builds and merges of large tables take minutes.
const Buckets& FinalizeSecondsBuckets() {
  static const Buckets* const buckets =
      new Buckets{0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900, 3'600};
  return *buckets;
}

// One attempt waits up to --swap_lock_timeout (0.1 s), all attempts up to --swap_deadline (60 s).
const Buckets& SwapLockWaitBuckets() {
  static const Buckets* const buckets =
      new Buckets{0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 10, 30, 60};
  return *buckets;
}

// Maximum number of reject reasons with their own series; all others share kOtherReasons.
constexpr size_t kMaxReasons = 32;
constexpr absl::string_view kOtherReasons = "OTHER";

prometheus::Family<prometheus::Counter>& Counters(const Description& description,
                                                  prometheus::Registry& registry) {
  return prometheus::BuildCounter()
      .Name(description.name)
      .Help(description.help)
      .Register(registry);
}

prometheus::Family<prometheus::Gauge>& Gauges(const Description& description,
                                              prometheus::Registry& registry) {
  return prometheus::BuildGauge().Name(description.name).Help(description.help).Register(registry);
}

prometheus::Family<prometheus::Histogram>& Histograms(const Description& description,
                                                      prometheus::Registry& registry) {
  return prometheus::BuildHistogram()
      .Name(description.name)
      .Help(description.help)
      .Register(registry);
}

}  // namespace

StreamFamilies::StreamFamilies(prometheus::Registry& registry)
    : records_received(Counters(kRecordsReceived, registry)),
      records_committed(Counters(kRecordsCommitted, registry)),
      records_rejected(Counters(kRecordsRejected, registry)),
      values_changed(Counters(kValuesChanged, registry)),
      fields_undeclared(Counters(kFieldsUndeclared, registry)),
      bytes_received(Counters(kBytesReceived, registry)),
      flush_seconds(Histograms(kFlushSeconds, registry)),
      flush_rows(Histograms(kFlushRows, registry)),
      finalize_seconds(Histograms(kFinalizeSeconds, registry)),
      swap_lock_wait(Histograms(kSwapLockWait, registry)),
      swap_retries(Counters(kSwapRetries, registry)),
      stream_state(Gauges(kStreamState, registry)),
      durable_offset(Gauges(kDurableOffset, registry)),
      uncommitted_age(Gauges(kUncommittedAge, registry)),
      last_success(Gauges(kLastSuccess, registry)) {}

StreamSeries::StreamSeries(StreamFamilies* families, prometheus::Labels labels,
                           std::function<absl::Time()> now)
    : labels_(std::move(labels)),
      now_(std::move(now)),
      families_(families),
      records_received_(&families->records_received.Add(labels_)),
      records_committed_(&families->records_committed.Add(labels_)),
      bytes_received_(&families->bytes_received.Add(labels_)),
      stream_state_(&families->stream_state.Add(labels_)) {
  MutexLock lock(&mutex_);
  AddDetailsLocked();
}

void StreamSeries::Received(int64_t records, int64_t bytes) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  ResumeLocked();
  records_received_->Increment(static_cast<double>(records));
  bytes_received_->Increment(static_cast<double>(bytes));
}

void StreamSeries::Committed(int64_t records) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  records_committed_->Increment(static_cast<double>(records));
}

void StreamSeries::ValuesChanged(int64_t nulled, int64_t truncated, int64_t undeclared) {
  if (nulled == 0 && truncated == 0 && undeclared == 0) return;
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  const auto add = [](prometheus::Family<prometheus::Counter>& family,
                      const prometheus::Labels& labels, int64_t count,
                      prometheus::Counter** counter) {
    if (count == 0) return;
    if (*counter == nullptr) *counter = &family.Add(labels);
    (*counter)->Increment(static_cast<double>(count));
  };
  add(families_->values_changed, LabelsWith("change", "nulled"), nulled, &values_nulled_);
  add(families_->values_changed, LabelsWith("change", "truncated"), truncated, &values_truncated_);
  add(families_->fields_undeclared, labels_, undeclared, &fields_undeclared_);
}

void StreamSeries::Rejected(absl::string_view reason, int64_t records) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  // Callers can send any reason, so the number of labels is limited.
  if (records_rejected_.size() >= kMaxReasons &&
      records_rejected_.count(std::string(reason)) == 0) {
    reason = kOtherReasons;
  }
  prometheus::Counter*& counter = records_rejected_[std::string(reason)];
  if (counter == nullptr) {
    counter = &families_->records_rejected.Add(LabelsWith("reason", reason));
  }
  counter->Increment(static_cast<double>(records));
}

void StreamSeries::Flushed(int64_t rows, absl::Duration took) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  ResumeLocked();
  flush_seconds_->Observe(absl::ToDoubleSeconds(took));
  flush_rows_->Observe(static_cast<double>(rows));
}

void StreamSeries::Finalized(absl::string_view phase, absl::Duration took) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  prometheus::Histogram*& histogram = finalize_seconds_[std::string(phase)];
  if (histogram == nullptr) {
    histogram =
        &families_->finalize_seconds.Add(LabelsWith("phase", phase), FinalizeSecondsBuckets());
  }
  histogram->Observe(absl::ToDoubleSeconds(took));
}

void StreamSeries::SwapLock(absl::Duration waited, int retries) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  if (swap_lock_wait_ == nullptr) {
    swap_lock_wait_ = &families_->swap_lock_wait.Add(labels_, SwapLockWaitBuckets());
    swap_retries_ = &families_->swap_retries.Add(labels_);
  }
  swap_lock_wait_->Observe(absl::ToDoubleSeconds(waited));
  swap_retries_->Increment(retries);
}

void StreamSeries::DurableOffset(int64_t records) {
  MutexLock lock(&mutex_);
  if (durable_offset_ == nullptr) return;
  durable_offset_->Set(static_cast<double>(records));
}

void StreamSeries::UncommittedAge(absl::Duration age) {
  MutexLock lock(&mutex_);
  if (uncommitted_age_ == nullptr) return;
  uncommitted_age_->Set(absl::ToDoubleSeconds(age));
}

void StreamSeries::Phase(StreamPhase phase) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  stream_state_->Set(static_cast<double>(phase));
}

void StreamSeries::Succeeded(absl::Time when) {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  if (last_success_ == nullptr) last_success_ = &families_->last_success.Add(labels_);
  last_success_->Set(absl::ToDoubleSeconds(when - absl::UnixEpoch()));
}

void StreamSeries::Finished() {
  const absl::Time now = now_();
  MutexLock lock(&mutex_);
  if (finished_at_ == absl::InfiniteFuture()) finished_at_ = now;
}

void StreamSeries::Resume() {
  MutexLock lock(&mutex_);
  ResumeLocked();
}

void StreamSeries::ResumeLocked() {
  finished_at_ = absl::InfiniteFuture();
  if (families_ != nullptr && flush_seconds_ == nullptr) AddDetailsLocked();
}

void StreamSeries::AddDetailsLocked() {
  flush_seconds_ = &families_->flush_seconds.Add(labels_, FlushSecondsBuckets());
  flush_rows_ = &families_->flush_rows.Add(labels_, FlushRowsBuckets());
  durable_offset_ = &families_->durable_offset.Add(labels_);
  uncommitted_age_ = &families_->uncommitted_age.Add(labels_);
}

absl::Time StreamSeries::finished_at() const {
  MutexLock lock(&mutex_);
  return finished_at_;
}

void StreamSeries::RemoveDetails() {
  MutexLock lock(&mutex_);
  if (families_ != nullptr) RemoveDetailsLocked();
}

void StreamSeries::RemoveDetailsLocked() {
  families_->flush_seconds.Remove(std::exchange(flush_seconds_, nullptr));
  families_->flush_rows.Remove(std::exchange(flush_rows_, nullptr));
  families_->durable_offset.Remove(std::exchange(durable_offset_, nullptr));
  families_->uncommitted_age.Remove(std::exchange(uncommitted_age_, nullptr));
  families_->swap_lock_wait.Remove(std::exchange(swap_lock_wait_, nullptr));
  families_->swap_retries.Remove(std::exchange(swap_retries_, nullptr));
  for (const auto& [phase, histogram] : finalize_seconds_) {
    families_->finalize_seconds.Remove(histogram);
  }
  finalize_seconds_.clear();
}

void StreamSeries::Remove() {
  MutexLock lock(&mutex_);
  if (families_ == nullptr) return;
  RemoveDetailsLocked();
  families_->records_received.Remove(records_received_);
  families_->records_committed.Remove(records_committed_);
  families_->bytes_received.Remove(bytes_received_);
  families_->stream_state.Remove(stream_state_);
  families_->last_success.Remove(last_success_);
  families_->values_changed.Remove(values_nulled_);
  families_->values_changed.Remove(values_truncated_);
  families_->fields_undeclared.Remove(fields_undeclared_);
  for (const auto& [reason, counter] : records_rejected_) {
    families_->records_rejected.Remove(counter);
  }
  families_ = nullptr;
}

prometheus::Labels StreamSeries::LabelsWith(const std::string& name,
                                            absl::string_view value) const {
  prometheus::Labels labels = labels_;
  labels.emplace(name, std::string(value));
  return labels;
}

}  // namespace syncline::metrics

// Prometheus metrics: handles resolved once per stream and generation, observed per batch, never
// per record.
//
// Any module may include this header. Thread-safe. Names and labels: docs/metrics.md,
// tests/golden/metrics.txt.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace syncline::metrics {

// State of a stream in `syncline_stream_state`; the value of the gauge.
enum class StreamPhase {
  kOpen = 1,
  kFinalizing = 2,
  kCompleted = 3,
  kIncomplete = 4,
  kCancelled = 5
};

// The series of one (namespace, stream, generation). Kept alive by whoever loads the stream.
class StreamMetrics {
 public:
  virtual ~StreamMetrics() = default;
  virtual void Received(int64_t records, int64_t bytes) = 0;
  // After the transaction committed, never before.
  virtual void Committed(int64_t records) = 0;
  // What coercion did to the values of committed records.
  virtual void ValuesChanged(int64_t nulled, int64_t truncated, int64_t undeclared) = 0;
  virtual void Rejected(absl::string_view reason, int64_t records) = 0;
  virtual void Flushed(int64_t rows, absl::Duration took) = 0;
  virtual void Finalized(absl::string_view phase, absl::Duration took) = 0;
  virtual void SwapLock(absl::Duration waited, int retries) = 0;
  virtual void DurableOffset(int64_t records) = 0;
  // Of the oldest record that is received and not committed; zero when there is none.
  virtual void UncommittedAge(absl::Duration age) = 0;
  virtual void Phase(StreamPhase phase) = 0;
  virtual void Succeeded(absl::Time when) = 0;
  // No more will come: the series are dropped after the generation's time to live.
  virtual void Finished() = 0;
};

// What the server-wide gauges read when they are scraped; every function is called on the metrics
// thread.
struct ServerGauges {
  std::function<bool()> ready;
  std::function<int64_t()> open_streams;
  int64_t max_open_streams = 0;
  std::function<int64_t()> connections;
  int64_t max_connections = 0;
  std::function<int64_t()> refused_connections;
  std::function<int64_t()> certificate_expiry_seconds;  // null without TLS
  std::function<int64_t()> buffered_bytes;
  int64_t memory_budget_bytes = 0;
  std::function<int64_t()> buffered_high_water_bytes;
  std::function<double()> backpressure_seconds;
  std::function<int64_t()> pg_connections_idle;
  std::function<int64_t()> pg_connections_busy;
};

// Finished generations that have a successor and still have their series: the newest of all
// streams. A table that is replaced every second would gather thousands within their time to live.
inline constexpr int kMaxSupersededGenerations = 1000;

struct MetricsOptions {
  absl::Duration generation_ttl = absl::Hours(1);
  std::function<absl::Time()> now = absl::Now;  // another clock for tests
};

class Metrics {
 public:
  static std::unique_ptr<Metrics> Create(const MetricsOptions& options);
  virtual ~Metrics() = default;

  // The series of a stream; the same object while it lives.
  virtual std::shared_ptr<StreamMetrics> ForStream(absl::string_view name_space,
                                                   absl::string_view stream,
                                                   int64_t generation) = 0;
  virtual void FencedWriter() = 0;
  virtual void UnknownFields(int64_t fields) = 0;
  // A call that was refused for its credentials.
  virtual void AuthenticationFailed(absl::string_view reason) = 0;
  // Once, when the objects that the functions read stand; they must outlive ClearServerGauges.
  virtual void SetServerGauges(ServerGauges gauges) = 0;
  virtual void ClearServerGauges() = 0;
  // Drops the series of generations finished longer ago than their time to live, and of superseded
  // ones beyond kMaxSupersededGenerations. Series that nobody holds count as finished from the
  // first sweep that sees them so. A handle still held then counts nothing more.
  virtual void Sweep() = 0;
  // What /metrics answers: Prometheus's text format.
  virtual std::string Scrape() const = 0;
};

}  // namespace syncline::metrics

// Metrics: the Prometheus metrics of the server.
//
// Handles are resolved once per stream and generation, and observed per batch, never per record.
// Any module may include this header. Names and labels are in docs/metrics.md and
// tests/golden/metrics.txt. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace syncline::metrics {

// State of a stream: the value of the gauge `syncline_stream_state`.
enum class StreamPhase {
  kOpen = 1,
  kFinalizing = 2,
  kCompleted = 3,
  kIncomplete = 4,
  kCancelled = 5
};

// The series of one (namespace, stream, generation). Code that loads the stream holds a reference.
class StreamMetrics {
 public:
  virtual ~StreamMetrics() = default;
  virtual void Received(int64_t records, int64_t bytes) = 0;
  // Must be called only after the transaction has committed.
  virtual void Committed(int64_t records) = 0;
  // Counts the changed values and undeclared fields of committed records.
  virtual void ValuesChanged(int64_t nulled, int64_t truncated, int64_t undeclared) = 0;
  virtual void Rejected(absl::string_view reason, int64_t records) = 0;
  virtual void Flushed(int64_t rows, absl::Duration took) = 0;
  virtual void Finalized(absl::string_view phase, absl::Duration took) = 0;
  virtual void SwapLock(absl::Duration waited, int retries) = 0;
  virtual void DurableOffset(int64_t records) = 0;
  // Sets the age of the oldest record that is received and not committed; zero if there is none.
  virtual void UncommittedAge(absl::Duration age) = 0;
  virtual void Phase(StreamPhase phase) = 0;
  virtual void Succeeded(absl::Time when) = 0;
  // Marks the generation as finished. Its details are dropped after kDetailsTtl, and all its series
  // after their time to live, unless it is loaded again.
  virtual void Finished() = 0;
};

// The functions that the server-wide gauges call when they are scraped, on a thread of the HTTP
// server and one at a time.
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

// Maximum number of finished generations with a successor whose series are kept, over all streams;
// those that finished last are kept. A table that is replaced every second would otherwise collect
// thousands within their time to live.
inline constexpr int kMaxSupersededGenerations = 1000;

// How long the details of a finished generation are kept: its histograms, the swap's retries, and
// the gauges about what is not durable yet. They are about 48 of the 53 lines that a stream adds to
// a scrape. A scraper with an interval of up to one minute reads their last values.
inline constexpr absl::Duration kDetailsTtl = absl::Minutes(1);

struct MetricsOptions {
  absl::Duration generation_ttl = absl::Hours(1);
  std::function<absl::Time()> now = absl::Now;  // replaceable for tests
};

class Metrics {
 public:
  static std::unique_ptr<Metrics> Create(const MetricsOptions& options);
  virtual ~Metrics() = default;

  // Returns the series of a stream's generation. The object stays the same until it is dropped.
  virtual std::shared_ptr<StreamMetrics> ForStream(absl::string_view name_space,
                                                   absl::string_view stream,
                                                   int64_t generation) = 0;
  virtual void FencedWriter() = 0;
  virtual void UnknownFields(int64_t fields) = 0;
  // Counts a call that was refused because of its credentials.
  virtual void AuthenticationFailed(absl::string_view reason) = 0;
  // Counts a call that was refused because of a limit, or because the server drains.
  virtual void CallRefused(absl::string_view reason) = 0;
  // Called once, when the objects that the functions read exist. They must live until
  // ClearServerGauges.
  virtual void SetServerGauges(ServerGauges gauges) = 0;
  virtual void ClearServerGauges() = 0;
  // Drops the details of generations that finished longer ago than kDetailsTtl, all series of those
  // that finished longer ago than the time to live, and those of superseded generations beyond
  // kMaxSupersededGenerations. Series without a reference count as finished from the first sweep
  // that finds them so. A handle of dropped series has no effect.
  virtual void Sweep() = 0;
  // Returns the response of /metrics, in Prometheus's text format.
  virtual std::string Scrape() const = 0;
};

}  // namespace syncline::metrics

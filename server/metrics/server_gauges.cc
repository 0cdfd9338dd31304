#include "server/metrics/server_gauges.h"

#include <string>
#include <utility>

#include "base/version.h"
#include "prometheus/client_metric.h"
#include "prometheus/metric_type.h"
#include "server/metrics/names.h"
#include "server/metrics/process_figures.h"

namespace syncline::metrics {
namespace {

using Labels = std::vector<prometheus::ClientMetric::Label>;

prometheus::MetricFamily Family(const Description& description, prometheus::MetricType type) {
  prometheus::MetricFamily family;
  family.name = description.name;
  family.help = description.help;
  family.type = type;
  return family;
}

void Add(prometheus::MetricFamily& family, double value, Labels labels = {}) {
  prometheus::ClientMetric metric;
  metric.label = std::move(labels);
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  family.metric.push_back(std::move(metric));
}

prometheus::MetricFamily Single(const Description& description, prometheus::MetricType type,
                                double value, Labels labels = {}) {
  prometheus::MetricFamily family = Family(description, type);
  Add(family, value, std::move(labels));
  return family;
}

}  // namespace

void ServerGaugesCollector::Set(ServerGauges gauges) {
  MutexLock lock(&mutex_);
  gauges_ = std::move(gauges);
}

void ServerGaugesCollector::Clear() {
  MutexLock lock(&mutex_);
  gauges_ = ServerGauges{};
}

void ServerGaugesCollector::AuthenticationFailed(absl::string_view reason) {
  MutexLock lock(&mutex_);
  ++authentication_failures_[std::string(reason)];
}

void ServerGaugesCollector::CallRefused(absl::string_view reason) {
  MutexLock lock(&mutex_);
  ++calls_refused_[std::string(reason)];
}

void ServerGaugesCollector::CollectProcess(std::vector<prometheus::MetricFamily>* families) {
  constexpr auto kGauge = prometheus::MetricType::Gauge;
  const ProcessFigures process = ReadProcessFigures();
  families->push_back(Single(kProcessMemory, kGauge, static_cast<double>(process.resident_bytes)));
  families->push_back(Single(kProcessThreads, kGauge, static_cast<double>(process.threads)));
  families->push_back(Single(kProcessCpu, prometheus::MetricType::Counter, process.cpu_seconds));
  families->push_back(
      Single(kProcessDescriptors, kGauge, static_cast<double>(process.open_descriptors)));
  families->push_back(
      Single(kProcessMaxDescriptors, kGauge, static_cast<double>(process.max_descriptors)));
}

void ServerGaugesCollector::CollectCallers(std::vector<prometheus::MetricFamily>* families) const {
  constexpr auto kCounter = prometheus::MetricType::Counter;
  constexpr auto kGauge = prometheus::MetricType::Gauge;
  const auto gauge = [&](const Description& description, int64_t value) {
    families->push_back(Single(description, kGauge, static_cast<double>(value)));
  };
  prometheus::MetricFamily refused = Family(kAuthenticationFailures, kCounter);
  for (const auto& [reason, calls] : authentication_failures_) {
    Add(refused, static_cast<double>(calls), {{"reason", reason}});
  }
  families->push_back(std::move(refused));
  prometheus::MetricFamily refused_calls = Family(kCallsRefused, kCounter);
  for (const auto& [reason, calls] : calls_refused_) {
    Add(refused_calls, static_cast<double>(calls), {{"reason", reason}});
  }
  families->push_back(std::move(refused_calls));
  if (gauges_.open_streams) {
    gauge(kOpenStreams, gauges_.open_streams());
    gauge(kMaxOpenStreams, gauges_.max_open_streams);
  }
  if (gauges_.connections) {
    gauge(kConnections, gauges_.connections());
    gauge(kMaxConnections, gauges_.max_connections);
  }
  if (gauges_.refused_connections) {
    families->push_back(
        Single(kConnectionsRefused, kCounter, static_cast<double>(gauges_.refused_connections())));
  }
  if (gauges_.certificate_expiry_seconds) {
    gauge(kCertificateExpiry, gauges_.certificate_expiry_seconds());
  }
}

std::vector<prometheus::MetricFamily> ServerGaugesCollector::Collect() const {
  constexpr auto kCounter = prometheus::MetricType::Counter;
  constexpr auto kGauge = prometheus::MetricType::Gauge;
  std::vector<prometheus::MetricFamily> families;
  families.push_back(Single(kBuildInfo, kGauge, 1, {{"version", std::string(Version())}}));
  families.push_back(Single(kFencedWriters, kCounter,
                            static_cast<double>(fenced_writers_.load(std::memory_order_relaxed))));
  families.push_back(Single(kUnknownFields, kCounter,
                            static_cast<double>(unknown_fields_.load(std::memory_order_relaxed))));
  CollectProcess(&families);

  MutexLock lock(&mutex_);
  CollectCallers(&families);
  if (gauges_.ready) families.push_back(Single(kReady, kGauge, gauges_.ready() ? 1 : 0));
  if (gauges_.buffered_bytes) {
    families.push_back(
        Single(kBufferedBytes, kGauge, static_cast<double>(gauges_.buffered_bytes())));
    families.push_back(
        Single(kMemoryBudget, kGauge, static_cast<double>(gauges_.memory_budget_bytes)));
  }
  if (gauges_.buffered_high_water_bytes) {
    families.push_back(Single(kBufferedHighWater, kGauge,
                              static_cast<double>(gauges_.buffered_high_water_bytes())));
  }
  if (gauges_.backpressure_seconds) {
    families.push_back(Single(kBackpressure, kCounter, gauges_.backpressure_seconds()));
  }
  if (gauges_.pg_connections_idle && gauges_.pg_connections_busy) {
    prometheus::MetricFamily connections = Family(kPgConnections, kGauge);
    Add(connections, static_cast<double>(gauges_.pg_connections_idle()), {{"state", "idle"}});
    Add(connections, static_cast<double>(gauges_.pg_connections_busy()), {{"state", "busy"}});
    families.push_back(std::move(connections));
  }
  return families;
}

}  // namespace syncline::metrics

#include "server/metrics/metrics.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"
#include "server/metrics/server_gauges.h"
#include "server/metrics/stream_series.h"

namespace syncline::metrics {
namespace {

class PrometheusMetrics : public Metrics {
 public:
  explicit PrometheusMetrics(const MetricsOptions& options)
      : generation_ttl_(options.generation_ttl),
        now_(options.now),
        registry_(std::make_shared<prometheus::Registry>()),
        server_(std::make_shared<ServerGaugesCollector>()),
        families_(*registry_) {}

  ~PrometheusMetrics() override {
    MutexLock lock(&mutex_);
    for (auto& [key, series] : series_) series->Remove();
  }

  std::shared_ptr<StreamMetrics> ForStream(absl::string_view name_space, absl::string_view stream,
                                           int64_t generation) override {
    Key key{std::string(name_space), std::string(stream), generation};
    MutexLock lock(&mutex_);
    std::shared_ptr<StreamSeries>& series = series_[key];
    if (series == nullptr) {
      series = std::make_shared<StreamSeries>(
          &families_,
          prometheus::Labels{{"namespace", std::string(name_space)},
                             {"stream", std::string(stream)},
                             {"generation", absl::StrCat(generation)}},
          now_);
    } else {
      series->Resume();
    }
    return series;
  }

  void FencedWriter() override { server_->FencedWriter(); }
  void UnknownFields(int64_t fields) override { server_->UnknownFields(fields); }
  void AuthenticationFailed(absl::string_view reason) override {
    server_->AuthenticationFailed(reason);
  }
  void CallRefused(absl::string_view reason) override { server_->CallRefused(reason); }
  void SetServerGauges(ServerGauges gauges) override { server_->Set(std::move(gauges)); }
  void ClearServerGauges() override { server_->Clear(); }

  void Sweep() override {
    const absl::Time now = now_();
    MutexLock lock(&mutex_);
    for (auto it = series_.begin(); it != series_.end();) {
      StreamSeries& series = *it->second;
      // No reference is left: another replica may have taken over the stream, so it counts as
      // finished here.
      if (it->second.use_count() == 1) series.Finished();
      if (series.finished_at() + generation_ttl_ <= now) {
        series.Remove();
        it = series_.erase(it);
        continue;
      }
      if (series.finished_at() + kDetailsTtl <= now) series.RemoveDetails();
      ++it;
    }
    LimitSuperseded();
  }

  std::string Scrape() const override {
    std::vector<prometheus::MetricFamily> families = registry_->Collect();
    for (prometheus::MetricFamily& family : server_->Collect()) {
      families.push_back(std::move(family));
    }
    return prometheus::TextSerializer().Serialize(families);
  }

 private:
  using Key = std::tuple<std::string, std::string, int64_t>;
  using SeriesMap = std::map<Key, std::shared_ptr<StreamSeries>>;

  static bool SameStream(const Key& a, const Key& b) {
    return std::get<0>(a) == std::get<0>(b) && std::get<1>(a) == std::get<1>(b);
  }

  // Drops the oldest finished generations with a successor until kMaxSupersededGenerations are
  // left.
  void LimitSuperseded() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    // Copies the times, because a stream may finish while they are compared.
    std::vector<std::pair<absl::Time, SeriesMap::iterator>> superseded;
    for (auto it = series_.begin(); it != series_.end(); ++it) {
      const auto next = std::next(it);
      if (next == series_.end() || !SameStream(it->first, next->first)) continue;
      const absl::Time finished = it->second->finished_at();
      if (finished != absl::InfiniteFuture()) superseded.emplace_back(finished, it);
    }
    if (superseded.size() <= kMaxSupersededGenerations) return;
    const auto kept = superseded.end() - kMaxSupersededGenerations;
    std::nth_element(superseded.begin(), kept, superseded.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto oldest = superseded.begin(); oldest != kept; ++oldest) {
      oldest->second->second->Remove();
      series_.erase(oldest->second);
    }
  }

  const absl::Duration generation_ttl_;
  const std::function<absl::Time()> now_;
  const std::shared_ptr<prometheus::Registry> registry_;
  const std::shared_ptr<ServerGaugesCollector> server_;
  StreamFamilies families_;

  Mutex mutex_;
  SeriesMap series_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Metrics> Metrics::Create(const MetricsOptions& options) {
  return std::make_unique<PrometheusMetrics>(options);
}

}  // namespace syncline::metrics

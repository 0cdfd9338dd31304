#include "server/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/file.h"

namespace syncline::metrics {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<Metrics> Quiet(const MetricsOptions& options = {}) {
  return Metrics::Create(options);
}

// Uses every metric once.
void ObserveAll(Metrics& metrics, StreamMetrics& stream) {
  stream.Received(10, 2'000);
  stream.Committed(9);
  stream.Rejected("NOT_JSON", 1);
  stream.ValuesChanged(3, 2, 1);
  stream.Flushed(9, absl::Milliseconds(20));
  stream.Finalized("swap", absl::Milliseconds(300));
  stream.SwapLock(absl::Milliseconds(5), 2);
  stream.UncommittedAge(absl::Milliseconds(1500));
  stream.DurableOffset(10);
  stream.Phase(StreamPhase::kCompleted);
  stream.Succeeded(absl::FromUnixSeconds(1'700'000'000));
  metrics.FencedWriter();
  metrics.UnknownFields(2);
  metrics.AuthenticationFailed("BAD_CREDENTIALS");
  metrics.CallRefused("TOO_MANY_CALLS");
  metrics.SetServerGauges({.ready = [] { return true; },
                           .open_streams = [] { return 3; },
                           .max_open_streams = 1024,
                           .connections = [] { return 7; },
                           .max_connections = 5000,
                           .refused_connections = [] { return 5; },
                           .certificate_expiry_seconds = [] { return 1'900'000'000; },
                           .buffered_bytes = [] { return 4096; },
                           .memory_budget_bytes = 1 << 20,
                           .buffered_high_water_bytes = [] { return 8192; },
                           .backpressure_seconds = [] { return 1.5; },
                           .pg_connections_idle = [] { return 2; },
                           .pg_connections_busy = [] { return 1; }});
}

// Returns "name type label,label" of every family, sorted, without bucket bounds and values.
std::string Shape(const std::string& scrape) {
  std::map<std::string, std::string> types;
  std::map<std::string, std::set<std::string>> labels;
  for (const absl::string_view line : absl::StrSplit(scrape, '\n', absl::SkipEmpty())) {
    if (absl::StartsWith(line, "# TYPE ")) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      types[words.at(2)] = words.at(3);
    } else if (!absl::StartsWith(line, "#")) {
      std::string name(line.substr(0, line.find_first_of("{ ")));
      for (const absl::string_view suffix : {"_bucket", "_sum", "_count"}) {
        const std::string base = name.substr(0, name.size() - suffix.size());
        if (absl::EndsWith(name, suffix) && types.count(base) > 0) name = base;
      }
      const size_t open = line.find('{');
      if (open == absl::string_view::npos) continue;
      for (const absl::string_view pair :
           absl::StrSplit(line.substr(open + 1, line.rfind('}') - open - 1), ',')) {
        const std::string label(pair.substr(0, pair.find('=')));
        if (label != "le") labels[name].insert(label);
      }
    }
  }
  std::string shape;
  for (const auto& [name, type] : types) {
    absl::StrAppend(&shape, name, " ", type, labels[name].empty() ? "" : " ",
                    absl::StrJoin(labels[name], ","), "\n");
  }
  return shape;
}

TEST(MetricsTest, NamesTypesAndLabelsMatchTheGoldenFile) {
  const std::unique_ptr<Metrics> metrics = Quiet();
  ObserveAll(*metrics, *metrics->ForStream("shop", "users", 2));
  const std::string shape = Shape(metrics->Scrape());

  const std::string path = absl::StrCat(SYNCLINE_SOURCE_DIR, "/tests/golden/metrics.txt");
  if (std::getenv("SYNCLINE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << shape;
  EXPECT_EQ(shape, ReadFile(path).value_or("")) << "if this is intended: SYNCLINE_UPDATE_GOLDEN=1";
}

TEST(MetricsTest, EveryMetricIsInTheManual) {
  const std::unique_ptr<Metrics> metrics = Quiet();
  ObserveAll(*metrics, *metrics->ForStream("shop", "users", 2));
  const std::string manual =
      ReadFile(absl::StrCat(SYNCLINE_SOURCE_DIR, "/docs/metrics.md")).value_or("");
  for (const absl::string_view line : absl::StrSplit(Shape(metrics->Scrape()), '\n')) {
    const std::string name(line.substr(0, line.find(' ')));
    if (name.empty()) continue;
    EXPECT_THAT(manual, HasSubstr(absl::StrCat("`", name)));
  }
}

TEST(MetricsTest, ScrapeHasTheValues) {
  const std::unique_ptr<Metrics> metrics = Quiet();
  ObserveAll(*metrics, *metrics->ForStream("shop", "users", 2));
  const std::string labels = R"({generation="2",namespace="shop",stream="users"})";
  const std::string scrape = metrics->Scrape();
  for (const std::string& line : {
           absl::StrCat("syncline_records_received_total", labels, " 10\n"),
           absl::StrCat("syncline_records_committed_total", labels, " 9\n"),
           absl::StrCat("syncline_bytes_received_total", labels, " 2000\n"),
           absl::StrCat("syncline_flush_seconds_count", labels, " 1\n"),
           absl::StrCat("syncline_swap_retries_total", labels, " 2\n"),
           absl::StrCat("syncline_stream_state", labels, " 3\n"),
           absl::StrCat("syncline_durable_offset", labels, " 10\n"),
           absl::StrCat("syncline_last_success_timestamp_seconds", labels, " 1700000000\n"),
           std::string("syncline_open_streams 3\n"),
           std::string("syncline_buffered_bytes 4096\n"),
           std::string("syncline_buffered_high_water_bytes 8192\n"),
           std::string("syncline_backpressure_seconds_total 1.5\n"),
           std::string("syncline_fenced_writers_total 1\n"),
           std::string("syncline_pg_connections{state=\"idle\"} 2\n"),
           std::string("syncline_pg_connections{state=\"busy\"} 1\n"),
       }) {
    EXPECT_THAT(scrape, HasSubstr(line));
  }
}

TEST(MetricsTest, SameStreamSharesItsSeries) {
  const std::unique_ptr<Metrics> metrics = Quiet();
  const auto first = metrics->ForStream("shop", "users", 2);
  EXPECT_EQ(first, metrics->ForStream("shop", "users", 2));
  EXPECT_NE(first, metrics->ForStream("shop", "users", 3));
  EXPECT_NE(first, metrics->ForStream("", "users", 2));
}

class GenerationTtlTest : public ::testing::Test {
 protected:
  GenerationTtlTest()
      : metrics_(Quiet({.generation_ttl = absl::Hours(1), .now = [this] { return now_; }})) {}

  // Returns the names in the scrape's lines about a stream, without those of buckets.
  std::set<std::string> NamesOf(absl::string_view stream) {
    std::set<std::string> names;
    const std::string label = absl::StrCat("stream=\"", stream, "\"");
    const std::string scrape = metrics_->Scrape();
    for (const absl::string_view line : absl::StrSplit(scrape, '\n')) {
      if (absl::StrContains(line, label) && !absl::StrContains(line, "le=")) {
        names.emplace(line.substr(0, line.find('{')));
      }
    }
    return names;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::unique_ptr<Metrics> metrics_;
};

TEST_F(GenerationTtlTest, FinishedGenerationExpires) {
  const auto old_one = metrics_->ForStream("shop", "users", 1);
  const auto current = metrics_->ForStream("shop", "users", 2);
  ObserveAll(*metrics_, *old_one);
  ObserveAll(*metrics_, *current);
  old_one->Finished();

  now_ += absl::Minutes(59);
  metrics_->Sweep();
  EXPECT_THAT(metrics_->Scrape(), HasSubstr("generation=\"1\""));

  now_ += absl::Minutes(1);
  metrics_->Sweep();
  EXPECT_THAT(metrics_->Scrape(),
              AllOf(Not(HasSubstr("generation=\"1\"")), HasSubstr("generation=\"2\"")));

  ObserveAll(*metrics_, *old_one);  // a handle that is still held counts nothing and does no harm
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr("generation=\"1\"")));
}

TEST_F(GenerationTtlTest, FinishedGenerationKeepsItsTotals) {
  const auto stream = metrics_->ForStream("shop", "users", 1);
  ObserveAll(*metrics_, *stream);
  stream->Finished();
  const std::set<std::string> before = NamesOf("users");
  now_ += absl::Seconds(59);
  metrics_->Sweep();
  EXPECT_EQ(NamesOf("users"), before);

  now_ += absl::Seconds(1);
  metrics_->Sweep();
  stream->UncommittedAge(absl::ZeroDuration());  // reported every second while the session exists
  EXPECT_THAT(
      NamesOf("users"),
      ElementsAre("syncline_bytes_received_total", "syncline_fields_undeclared_total",
                  "syncline_last_success_timestamp_seconds", "syncline_records_committed_total",
                  "syncline_records_received_total", "syncline_records_rejected_total",
                  "syncline_stream_state", "syncline_values_changed_total"));
}

TEST_F(GenerationTtlTest, GenerationThatIsLoadedAgainHasItsDetails) {
  const auto stream = metrics_->ForStream("shop", "users", 1);
  ObserveAll(*metrics_, *stream);
  const std::set<std::string> all = NamesOf("users");
  // Another session, and another sync that has appended to the same table all the time.
  for (const bool same_session : {false, true}) {
    stream->Finished();
    now_ += kDetailsTtl;
    metrics_->Sweep();
    EXPECT_EQ(NamesOf("users").count("syncline_flush_seconds_count"), 0);
    const auto again = same_session ? stream : metrics_->ForStream("shop", "users", 1);
    ObserveAll(*metrics_, *again);
    EXPECT_EQ(NamesOf("users"), all);
    EXPECT_THAT(metrics_->Scrape(),
                HasSubstr("syncline_flush_seconds_count{generation=\"1\",namespace=\"shop\","
                          "stream=\"users\"} 1\n"));
    now_ += absl::Minutes(59);
    metrics_->Sweep();
    EXPECT_EQ(NamesOf("users"), all) << "it has not finished";
  }
}

TEST_F(GenerationTtlTest, ScrapeOfFinishedStreamsIsSmall) {
  for (int i = 0; i < 1000; ++i) {
    const auto stream = metrics_->ForStream("public", absl::StrCat("stream_", 1000 + i), 0);
    stream->Received(10, 2'000);
    stream->Committed(10);
    stream->Flushed(10, absl::Milliseconds(3));
    stream->Finalized("total", absl::Milliseconds(5));
    stream->Phase(StreamPhase::kCompleted);
    stream->Succeeded(now_);
    stream->Finished();
  }
  EXPECT_GT(metrics_->Scrape().size(), 4'000'000);
  now_ += kDetailsTtl;
  metrics_->Sweep();
  EXPECT_LT(metrics_->Scrape().size(), 500'000);
}

TEST_F(GenerationTtlTest, ReturningGenerationContinuesItsSeries) {
  metrics_->ForStream("shop", "users", 1)->Received(5, 50);
  metrics_->Sweep();  // no handle is held, so its time to live starts
  now_ += absl::Minutes(30);
  // It returns in time: the same series continue, and the time to live starts again.
  auto again = metrics_->ForStream("shop", "users", 1);
  again->Received(5, 50);
  now_ += absl::Minutes(31);
  metrics_->Sweep();
  EXPECT_THAT(metrics_->Scrape(), HasSubstr("stream=\"users\"} 10\n"));

  again->Finished();
  now_ += absl::Hours(2);
  metrics_->Sweep();
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr("stream=\"users\"")));

  again = metrics_->ForStream("shop", "users", 1);
  again->Received(3, 30);
  EXPECT_THAT(metrics_->Scrape(), HasSubstr("stream=\"users\"} 3\n"));
}

TEST_F(GenerationTtlTest, KeepsTheNewestSupersededGenerations) {
  const auto series_of = [this](absl::string_view stream, int64_t generation) {
    return absl::StrContains(metrics_->Scrape(),
                             absl::StrCat("syncline_durable_offset{generation=\"", generation,
                                          "\",namespace=\"shop\",stream=\"", stream, "\"}"));
  };
  constexpr int kOfUsers = kMaxSupersededGenerations + 3;  // the last of them has no successor
  const auto loading = metrics_->ForStream("shop", "orders", 1);
  metrics_->ForStream("shop", "orders", 2);
  metrics_->ForStream("shop", "carts", 1);
  metrics_->Sweep();
  for (int generation = kOfUsers; generation > 0; --generation) {
    // The age is the time since it finished and does not depend on its number.
    now_ += absl::Milliseconds(1);
    metrics_->ForStream("shop", "users", generation)->Finished();
  }
  metrics_->Sweep();
  EXPECT_TRUE(series_of("orders", 1)) << "still loading";
  EXPECT_TRUE(series_of("orders", 2)) << "finished first, but has no successor";
  EXPECT_TRUE(series_of("carts", 1));
  EXPECT_TRUE(series_of("users", kOfUsers));
  EXPECT_FALSE(series_of("users", kOfUsers - 1));
  EXPECT_FALSE(series_of("users", kOfUsers - 2));
  EXPECT_TRUE(series_of("users", kOfUsers - 3));
  EXPECT_TRUE(series_of("users", 1));
}

}  // namespace
}  // namespace syncline::metrics

#include "server/metrics/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/error.h"

namespace syncline::metrics {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::unique_ptr<Metrics> Quiet(MetricsOptions options = {}) {
  options.listen = "";
  return std::move(Metrics::Create(options)).value();
}

// The body of GET /metrics on loopback.
std::string Get(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string request = "GET /metrics HTTP/1.0\r\n\r\n";
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string response;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(fd, buffer, sizeof(buffer))) > 0;) {
    response.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  return response;
}

// Touches every metric once.
void ObserveAll(Metrics& metrics, StreamMetrics& stream) {
  stream.Received(10, 2'000);
  stream.Committed(9);
  stream.Rejected("NOT_JSON", 1);
  stream.ValuesChanged(3, 2, 1);
  stream.Flushed(9, absl::Milliseconds(20));
  stream.Finalized("swap", absl::Milliseconds(300));
  stream.SwapLock(absl::Milliseconds(5), 2);
  stream.DurableOffset(10);
  stream.Phase(StreamPhase::kCompleted);
  stream.Succeeded(absl::FromUnixSeconds(1'700'000'000));
  metrics.FencedWriter();
  metrics.UnknownFields(2);
  metrics.SetServerGauges({.open_streams = [] { return 3; },
                           .buffered_bytes = [] { return 4096; },
                           .buffered_high_water_bytes = [] { return 8192; },
                           .backpressure_seconds = [] { return 1.5; },
                           .pg_connections_idle = [] { return 2; },
                           .pg_connections_busy = [] { return 1; }});
}

// "name type label,label" of every family, sorted: bucket bounds and values left out.
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

TEST(MetricsTest, NamesTypesAndLabelsAreTheContract) {
  const std::unique_ptr<Metrics> metrics = Quiet();
  ObserveAll(*metrics, *metrics->ForStream("shop", "users", 2));
  const std::string shape = Shape(metrics->Scrape());

  const std::string path = absl::StrCat(SYNCLINE_SOURCE_DIR, "/tests/golden/metrics.txt");
  if (std::getenv("SYNCLINE_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << shape;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(shape, golden.str()) << "if this is meant: SYNCLINE_UPDATE_GOLDEN=1";
}

TEST(MetricsTest, EveryMetricIsInTheManual) {
  const std::unique_ptr<Metrics> metrics = Quiet();
  ObserveAll(*metrics, *metrics->ForStream("shop", "users", 2));
  std::stringstream manual;
  manual << std::ifstream(absl::StrCat(SYNCLINE_SOURCE_DIR, "/docs/metrics.md")).rdbuf();
  for (const absl::string_view line : absl::StrSplit(Shape(metrics->Scrape()), '\n')) {
    const std::string name(line.substr(0, line.find(' ')));
    if (name.empty()) continue;
    EXPECT_THAT(manual.str(), HasSubstr(absl::StrCat("`", name)));
  }
}

TEST(MetricsTest, ValuesAreInTheScrape) {
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

TEST(MetricsTest, TheSameStreamHasOneSetOfSeries) {
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

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::unique_ptr<Metrics> metrics_;
};

TEST_F(GenerationTtlTest, AFinishedGenerationIsDroppedAfterItsTime) {
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

  ObserveAll(*metrics_, *old_one);  // a handle still held counts nothing, and harms nothing
  EXPECT_THAT(metrics_->Scrape(), Not(HasSubstr("generation=\"1\"")));
}

TEST_F(GenerationTtlTest, AGenerationThatComesAgainHasItsSeriesAgain) {
  metrics_->ForStream("shop", "users", 1)->Received(5, 50);
  metrics_->Sweep();  // nobody holds it: its time starts
  now_ += absl::Minutes(30);
  // It comes back in time: the same series go on, and its time starts anew.
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

TEST_F(GenerationTtlTest, OfSupersededGenerationsTheNewestAreKept) {
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
    // Age is when it finished, not its number.
    now_ += absl::Milliseconds(1);
    metrics_->ForStream("shop", "users", generation)->Finished();
  }
  metrics_->Sweep();
  EXPECT_TRUE(series_of("orders", 1)) << "still loading";
  EXPECT_TRUE(series_of("orders", 2)) << "finished first, but nothing came after it";
  EXPECT_TRUE(series_of("carts", 1));
  EXPECT_TRUE(series_of("users", kOfUsers));
  EXPECT_FALSE(series_of("users", kOfUsers - 1));
  EXPECT_FALSE(series_of("users", kOfUsers - 2));
  EXPECT_TRUE(series_of("users", kOfUsers - 3));
  EXPECT_TRUE(series_of("users", 1));
}

TEST(MetricsEndpointTest, AnswersOnThePortThatItPicked) {
  const auto metrics = Metrics::Create({.listen = "127.0.0.1:0"});
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  ASSERT_GT((*metrics)->port(), 0);
  const auto stream = (*metrics)->ForStream("shop", "users", 2);
  ObserveAll(**metrics, *stream);
  EXPECT_THAT(Get((*metrics)->port()),
              AllOf(HasSubstr("200 OK"), HasSubstr("syncline_build_info{version="),
                    HasSubstr("syncline_open_streams 3\n"),
                    HasSubstr("generation=\"2\",namespace=\"shop\",stream=\"users\"} 10\n")));
  (*metrics)->ClearServerGauges();
  EXPECT_THAT(Get((*metrics)->port()), Not(HasSubstr("syncline_open_streams")));
}

TEST(MetricsEndpointTest, ATakenPortAndABadAddressAreErrors) {
  const auto metrics = Metrics::Create({.listen = "localhost:0"});
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(
      Metrics::Create({.listen = absl::StrCat("127.0.0.1:", (*metrics)->port())}).status().code(),
      absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Metrics::Create({.listen = "9464"}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Quiet()->port(), 0);
}

}  // namespace
}  // namespace syncline::metrics

// Exactly once in a Citus cluster: streams of every mode load into distributed tables while the
// server, the coordinator and the workers are killed at random, in the loads and in their ends.
// Each stream completes by repeating the same calls, with every record exactly once.
//
// Kills SYNCLINE_CITUS_KILLS times (a few by default) from a fixed seed or from SYNCLINE_TEST_SEED.
// scripts/chaos --citus kills more often.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/e2e/citus_fault_fixture.h"
#include "tests/e2e/citus_kills.h"
#include "tests/support/random_seed.h"

namespace syncline::testing {
namespace {

constexpr int kKills = 12;
constexpr uint32_t kSeed = 7000;
constexpr int64_t kRecords = 3000;
// Of one load, with all of its kills.
constexpr absl::Duration kGiveUp = absl::Seconds(180);

int Kills() {
  const char* const given = std::getenv("SYNCLINE_CITUS_KILLS");
  int number = kKills;
  if (given != nullptr && !absl::SimpleAtoi(given, &number)) number = kKills;
  return number;
}

class CitusKillTest : public CitusFaultTest {
 protected:
  // Loads a stream of each mode during at most `kills` kills. Returns how many there were.
  int Run(uint64_t seed, int kills);

  std::unique_ptr<ServerProcess> server_;
  std::map<std::string, int> counts_;
  int loads_ = 0;
  Difference difference_;
};

int CitusKillTest::Run(uint64_t seed, int kills) {
  std::vector<std::unique_ptr<DeliveryHistory>> histories;
  for (const DeliveryMode mode : {DeliveryMode::kAppend, DeliveryMode::kDedup,
                                  DeliveryMode::kReplace, DeliveryMode::kDedupReplace}) {
    histories.push_back(std::make_unique<DeliveryHistory>(
        DistributedStream(absl::StrCat("rows_", seed, "_", histories.size()), mode, kRecords)));
  }
  const auto loads = LoadAll(
      histories, {.servers = {server_->address()}, .seed = seed, .pause = absl::Milliseconds(30)},
      kGiveUp);
  const auto finalizing = [&] {
    return std::any_of(histories.begin(), histories.end(), [](const auto& history) {
      return history->acknowledged() == kRecords && !history->completed();
    });
  };
  const auto all_over = [&] {
    return std::all_of(loads.begin(), loads.end(), [](const auto& load) { return load->over(); });
  };
  CitusKills schedule(seed, &cluster(), server_.get(), finalizing);
  int killed = 0;
  while (killed < kills && !all_over() && !HasFailure()) {
    EXPECT_OK(schedule.Strike());
    ++killed;
    if (seed % 2 == 0) Recover().IgnoreError();
  }
  while (!all_over()) {
    absl::SleepFor(absl::Milliseconds(300));
    Recover().IgnoreError();
  }
  for (const auto& load : loads) EXPECT_OK(load->Join());
  const Difference difference = ExpectLoaded(histories);
  difference_.lost += difference.lost;
  difference_.doubled += difference.doubled;
  if (!HasFailure()) {
    for (const auto& history : histories) Ask("DROP TABLE " + history->stream().Table());
  }
  loads_ += static_cast<int>(loads.size());
  for (const auto& [what, number] : schedule.counts()) counts_[what] += number;
  std::printf("loads of seed %llu:\n  %s\n", static_cast<unsigned long long>(seed),
              absl::StrJoin(schedule.story(), "\n  ").c_str());
  return killed;
}

TEST_F(CitusKillTest, EveryRecordOnceUnderRandomKills) {
  server_ = StartFaultServer({"--swap_deadline=5s"});
  ASSERT_NE(server_, nullptr);
  const uint64_t first = RandomSeed(kSeed);
  const int total = Kills();
  const absl::Time begun = absl::Now();
  int killed = 0;
  for (uint64_t seed = first; killed < total && !HasFailure(); ++seed) {
    killed += Run(seed, total - killed);
    std::fflush(stdout);
  }
  ExpectDiscreet(*server_);
  std::printf(
      "citus: seed %llu, %d kills (%s), %d loads of %lld records, lost %lld, doubled %lld, "
      "%.0f s\n",
      static_cast<unsigned long long>(first), killed,
      absl::StrJoin(counts_, ", ", absl::PairFormatter(": ")).c_str(), loads_,
      static_cast<long long>(kRecords), static_cast<long long>(difference_.lost),
      static_cast<long long>(difference_.doubled), absl::ToDoubleSeconds(absl::Now() - begun));
}

}  // namespace
}  // namespace syncline::testing

#include "base/memory_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"

namespace syncline {
namespace {

TEST(MemoryBudgetTest, GrantsAtOnceIfThereIsRoom) {
  MemoryBudget budget(100);
  int granted = 0;
  budget.Acquire(60, [&] { ++granted; });
  budget.Acquire(40, [&] { ++granted; });
  EXPECT_EQ(granted, 2);
  EXPECT_EQ(budget.held_bytes(), 100);
  EXPECT_EQ(budget.waiters(), 0);
  EXPECT_EQ(budget.capacity_bytes(), 100);
}

TEST(MemoryBudgetTest, TryAcquireNeitherWaitsNorOvertakes) {
  MemoryBudget budget(100);
  EXPECT_TRUE(budget.TryAcquire(60));
  EXPECT_FALSE(budget.TryAcquire(60));
  int granted = 0;
  budget.Acquire(60, [&] { ++granted; });
  EXPECT_FALSE(budget.TryAcquire(10)) << "others wait";
  budget.Release(60);
  EXPECT_EQ(granted, 1);
  EXPECT_TRUE(budget.TryAcquire(40));
  EXPECT_EQ(budget.held_bytes(), 100);
}

TEST(MemoryBudgetTest, ChargeReleasesUnlessGivenAway) {
  MemoryBudget budget(100);
  ASSERT_TRUE(budget.TryAcquire(70));
  { const BudgetCharge charge(&budget, 30); }
  EXPECT_EQ(budget.held_bytes(), 40);
  {
    BudgetCharge charge(&budget, 40);
    EXPECT_EQ(charge.Give(), 40);
  }
  EXPECT_EQ(budget.held_bytes(), 40);
}

TEST(MemoryBudgetTest, TellsWhoWaitsAndForHowMuch) {
  MemoryBudget budget(100);
  const int one = 0, two = 0;
  EXPECT_EQ(budget.next_bytes(), 0);
  EXPECT_FALSE(budget.HasOtherWaiter({}));
  budget.Acquire(100, [] {});
  budget.Acquire(
      70, [] {}, &one);
  EXPECT_EQ(budget.next_bytes(), 70);
  EXPECT_TRUE(budget.HasOtherWaiter({}));
  EXPECT_FALSE(budget.HasOtherWaiter({&one, &two}));
  budget.Acquire(
      10, [] {}, &two);
  EXPECT_TRUE(budget.HasOtherWaiter({&one}));
  EXPECT_EQ(budget.next_bytes(), 70);
  budget.Abandon(&one);
  EXPECT_EQ(budget.next_bytes(), 10);
  budget.Release(100);
  EXPECT_EQ(budget.next_bytes(), 0);
}

TEST(MemoryBudgetTest, ServesWaitersInOrder) {
  MemoryBudget budget(100);
  std::string order;
  budget.Acquire(80, [&] { order += 'a'; });
  budget.Acquire(50, [&] { order += 'b'; });
  budget.Acquire(10, [&] { order += 'c'; });  // would fit, but b is before it
  budget.Acquire(50, [&] { order += 'd'; });
  EXPECT_EQ(order, "a");
  EXPECT_EQ(budget.waiters(), 3);
  budget.Release(80);
  EXPECT_EQ(order, "abc");
  EXPECT_EQ(budget.held_bytes(), 60);
  EXPECT_EQ(budget.waiters(), 1);
  budget.Release(10);
  EXPECT_EQ(order, "abcd");
  EXPECT_EQ(budget.held_bytes(), 100);
}

TEST(MemoryBudgetTest, AbandonedRequestsDoNotDelayOthers) {
  MemoryBudget budget(100);
  const int owner = 0;
  std::string order;
  budget.Acquire(50, [&] { order += 'a'; });
  budget.Acquire(
      80, [&] { order += 'b'; }, &owner);
  budget.Acquire(40, [&] { order += 'c'; });
  budget.Acquire(
      10, [&] { order += 'd'; }, &owner);
  EXPECT_EQ(order, "a");
  budget.Abandon(&owner);
  EXPECT_EQ(order, "ac");
  EXPECT_EQ(budget.held_bytes(), 90);
  EXPECT_EQ(budget.waiters(), 0);
  budget.Abandon(&owner);
  EXPECT_EQ(budget.held_bytes(), 90);
}

TEST(MemoryBudgetTest, OversizedRequestWaitsUntilEmpty) {
  MemoryBudget budget(100);
  bool granted = false;
  budget.Acquire(1, [] {});
  budget.Acquire(1000, [&] { granted = true; });
  EXPECT_FALSE(granted);
  budget.Release(1);
  EXPECT_TRUE(granted);
  EXPECT_EQ(budget.held_bytes(), 1000);

  bool next = false;
  budget.Acquire(1, [&] { next = true; });
  EXPECT_FALSE(next);
  budget.Release(1000);
  EXPECT_TRUE(next);
}

TEST(MemoryBudgetTest, ForceAcquireMayExceedTheCapacity) {
  MemoryBudget budget(100);
  bool granted = false;
  budget.ForceAcquire(150);
  EXPECT_EQ(budget.held_bytes(), 150);
  budget.Acquire(10, [&] { granted = true; });
  budget.Release(50);
  EXPECT_FALSE(granted);
  budget.Release(10);
  EXPECT_TRUE(granted);
}

TEST(MemoryBudgetTest, HighWaterMarkRemains) {
  MemoryBudget budget(100);
  budget.Acquire(70, [] {});
  budget.Release(70);
  budget.Acquire(20, [] {});
  EXPECT_EQ(budget.high_water_bytes(), 70);
  EXPECT_EQ(budget.held_bytes(), 20);
}

TEST(MemoryBudgetTest, WaitedGrowsByTheWaitingTime) {
  MemoryBudget budget(10);
  budget.Acquire(10, [] {});
  EXPECT_EQ(budget.waited(), absl::ZeroDuration());
  budget.Acquire(10, [] {});
  EXPECT_EQ(budget.waited(), absl::ZeroDuration());
  budget.Release(10);
  EXPECT_GE(budget.waited(), absl::ZeroDuration());
}

TEST(MemoryBudgetTest, GrantCallbackMayUseTheBudget) {
  MemoryBudget budget(10);
  int granted = 0;
  budget.Acquire(10, [] {});
  budget.Acquire(10, [&] {
    budget.Release(10);
    ++granted;
  });
  budget.Acquire(10, [&] { ++granted; });
  budget.Release(10);
  EXPECT_EQ(granted, 2);
  EXPECT_EQ(budget.held_bytes(), 10);
}

TEST(MemoryBudgetTest, ThreadsNeverExceedTheCapacity) {
  constexpr int kThreads = 8;
  constexpr int kRounds = 2000;
  MemoryBudget budget(1000);
  std::atomic<int64_t> held{0};
  std::atomic<int64_t> most{0};
  std::atomic<int> granted{0};
  {
    std::vector<std::unique_ptr<Thread>> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.push_back(std::make_unique<Thread>("budget", [&, t] {
        std::minstd_rand random(static_cast<uint32_t>(t + 1));
        for (int i = 0; i < kRounds; ++i) {
          const int64_t bytes = 1 + static_cast<int64_t>(random() % 600);
          Mutex mutex;
          CondVar done;
          bool has = false;
          budget.Acquire(bytes, [&] {
            MutexLock lock(&mutex);
            has = true;
            done.NotifyOne();
          });
          {
            MutexLock lock(&mutex);
            while (!has) done.Wait(&mutex);
          }
          const int64_t now = held.fetch_add(bytes) + bytes;
          int64_t seen = most.load();
          while (seen < now && !most.compare_exchange_weak(seen, now)) {
          }
          ++granted;
          held.fetch_sub(bytes);
          budget.Release(bytes);
        }
      }));
    }
  }
  EXPECT_EQ(granted, kThreads * kRounds);
  EXPECT_LE(most, 1000);
  EXPECT_LE(budget.high_water_bytes(), 1000);
  EXPECT_EQ(budget.held_bytes(), 0);
  EXPECT_EQ(budget.waiters(), 0);
}

}  // namespace
}  // namespace syncline

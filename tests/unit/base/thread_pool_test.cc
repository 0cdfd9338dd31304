#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "base/adaptive_polling.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace syncline {
namespace {

// An event that threads can wait for.
class Gate {
 public:
  void Open() {
    MutexLock lock(&mutex_);
    open_ = true;
    opened_.NotifyAll();
  }
  void Wait() {
    MutexLock lock(&mutex_);
    while (!open_) opened_.Wait(&mutex_);
  }

 private:
  Mutex mutex_;
  CondVar opened_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

TEST(ThreadPoolTest, OneThreadRunsTasksInOrder) {
  std::vector<int> order;
  ThreadPool pool("order", 1);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(pool.Post([&order, i] { order.push_back(i); }));
  pool.Shutdown();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

TEST(ThreadPoolTest, ThreadsRunAtTheSameTime) {
  // Each task waits until all have started. With fewer than three threads this would never end.
  ThreadPool pool("wide", 3);
  EXPECT_EQ(pool.threads(), 3);
  std::atomic<int> started{0};
  Gate all;
  for (int i = 0; i < 3; ++i) {
    pool.Post([&] {
      if (++started == 3) all.Open();
      all.Wait();
    });
  }
  pool.Shutdown();
  EXPECT_EQ(started, 3);
}

TEST(ThreadPoolTest, AtLeastOneThread) {
  ThreadPool pool("none", 0);
  EXPECT_EQ(pool.threads(), 1);
  bool ran = false;
  pool.Post([&] { ran = true; });
  pool.Shutdown();
  EXPECT_TRUE(ran);
}

TEST(ThreadPoolTest, ShutdownRunsQueuedTasksThenRefuses) {
  ThreadPool pool("queued", 1);
  Gate gate;
  std::atomic<int> ran{0};
  pool.Post([&] { gate.Wait(); });
  int accepted = 0;
  {
    Thread stopper("stopper", [&] { pool.Shutdown(); });
    // The only worker waits at the gate, so that all of these tasks are in the queue at Shutdown.
    while (pool.Post([&] { ++ran; })) {
      ++accepted;
      std::this_thread::yield();
    }
    EXPECT_EQ(ran, 0);
    gate.Open();
  }
  EXPECT_EQ(ran, accepted);
  EXPECT_FALSE(pool.Post([&] { ++ran; }));
  EXPECT_EQ(ran, accepted);
  pool.Shutdown();  // a second call does nothing
}

TEST(ThreadPoolTest, DestructorRunsQueuedTasks) {
  std::atomic<int> ran{0};
  {
    ThreadPool pool("destroyed", 2);
    for (int i = 0; i < 500; ++i) pool.Post([&] { ++ran; });
  }
  EXPECT_EQ(ran, 500);
}

TEST(ThreadPoolTest, TaskMayPost) {
  std::atomic<int> ran{0};
  Gate done;
  ThreadPool pool("chain", 1);
  pool.Post([&] {
    ++ran;
    EXPECT_TRUE(pool.Post([&] {
      ++ran;
      done.Open();
    }));
  });
  done.Wait();
  EXPECT_EQ(ran, 2);
}

TEST(ThreadPoolTest, GroupLeavesThreadsToOthers) {
  ThreadPool pool("groups", 3, {.max_per_group = 2});
  Gate gate;
  Gate others;
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::vector<int> order;
  Mutex mutex;
  for (int i = 0; i < 10; ++i) {
    pool.Post(/*group=*/7, [&, i] {
      const int now = ++running;
      if (now > most) most = now;
      gate.Wait();
      --running;
      MutexLock lock(&mutex);
      order.push_back(i);
    });
  }
  // Neither another group nor a task without a group waits for the ten.
  pool.Post(/*group=*/8, [&] { pool.Post([&] { others.Open(); }); });
  others.Wait();
  EXPECT_LE(running, 2);
  gate.Open();
  pool.Shutdown();
  EXPECT_EQ(most, 2);
  EXPECT_EQ(order.size(), 10u);
}

TEST(ThreadPoolTest, GroupKeepsItsOrder) {
  std::vector<int> order;
  ThreadPool pool("order", 4, {.max_per_group = 1});
  for (int i = 0; i < 1000; ++i) pool.Post(/*group=*/1, [&order, i] { order.push_back(i); });
  pool.Shutdown();
  ASSERT_EQ(order.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<size_t>(i)], i);
}

// Returns how often the calling thread has slept. To yield is not to sleep.
int64_t CountSleeps() {
  rusage usage = {};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

// Runs 100 tasks on `pool`, `pause` after the one before is over. Returns how much `measure` of the
// thread that ran them has grown; it must be a single one.
template <typename Measure>
auto RunOneByOne(ThreadPool& pool, std::chrono::milliseconds pause, Measure measure) {
  decltype(measure()) first = {};
  decltype(measure()) last = {};
  std::atomic<int> ran = 0;
  for (int i = 0; i < 100; ++i) {
    std::this_thread::sleep_for(pause);
    pool.Post([&] {
      last = measure();
      if (ran == 0) first = last;
      ++ran;
    });
    while (ran <= i) std::this_thread::yield();
  }
  return last - first;
}

TEST(ThreadPoolTest, LingeringThreadTakesTasksWithoutSleep) {
  constexpr std::chrono::milliseconds kPause(1);
  ThreadPool sleeping("sleeping", 1);
  EXPECT_GE(RunOneByOne(sleeping, kPause, CountSleeps), 80);
  if (!AdaptivePolling().MayPoll()) GTEST_SKIP() << "A single processor is not polled on.";
  // Contention for the pool's lock may cause a few sleeps.
  ThreadPool lingering("lingering", 1, {.linger = absl::Seconds(60)});
  EXPECT_LE(RunOneByOne(lingering, kPause, CountSleeps), 30);
}

TEST(ThreadPoolTest, SleepsAfterItHasLingeredInVain) {
  ThreadPool pool("vain", 1, {.linger = absl::Milliseconds(4)});
  const auto get_cpu_time = [] {
    timespec time = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return absl::DurationFromTimespec(time);
  };
  // It would be 400 ms if the thread lingered after every task, not after every 21st one.
  EXPECT_LE(RunOneByOne(pool, std::chrono::milliseconds(8), get_cpu_time), absl::Milliseconds(200));
}

TEST(ThreadPoolTest, TasksBesideALingeringThreadRun) {
  // Each task of a pair waits until the other one runs, too: if the second one were left to the
  // lingering thread, it would never run.
  ThreadPool pool("pairs", 2, {.linger = absl::Seconds(60)});
  for (int i = 0; i < 300; ++i) {
    std::atomic<int> started = 0;
    std::atomic<int> over = 0;
    for (int task = 0; task < 2; ++task) {
      pool.Post([&] {
        ++started;
        while (started < 2) std::this_thread::yield();
        ++over;
      });
    }
    while (over < 2) std::this_thread::yield();
  }
}

// Returns the number of this process's threads whose names begin with `prefix`.
int CountThreads(const std::string& prefix) {
  int count = 0;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string name;
    std::getline(std::ifstream(thread.path() / "comm"), name);
    if (name.compare(0, prefix.size(), prefix) == 0) ++count;
  }
  return count;
}

// Returns how many threads a pool of one, which may start two more, has after a task.
int GrowLingeringPool(const std::string& name) {
  ThreadPool pool(name, 1, {.max_threads = 3, .linger = absl::Seconds(60)});
  std::this_thread::sleep_for(std::chrono::milliseconds(2));  // for the thread to linger
  std::atomic<bool> ran = false;
  pool.Post([&] { ran = true; });
  while (!ran) std::this_thread::yield();
  return CountThreads(name + "-");
}

TEST(ThreadPoolTest, LingeringThreadCountsAsIdle) {
  if (!AdaptivePolling().MayPoll()) GTEST_SKIP() << "A single processor is not polled on.";
  // On a busy machine the thread may not linger yet.
  int least = 3;
  for (int i = 0; i < 20 && least > 1; ++i) {
    least = std::min(least, GrowLingeringPool("grow" + std::to_string(i)));
  }
  EXPECT_EQ(least, 1);
}

TEST(ThreadPoolTest, ThreadThatHasLingeredCountsOnce) {
  ThreadPool pool("once", 1, {.max_threads = 2, .linger = absl::Milliseconds(1)});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  // Each of the two tasks waits until the other one runs, too, which takes a second thread.
  std::atomic<int> started = 0;
  for (int task = 0; task < 2; ++task) {
    pool.Post([&] {
      ++started;
      while (started < 2) std::this_thread::yield();
    });
  }
  pool.Shutdown();
  EXPECT_EQ(started, 2);
}

TEST(ThreadPoolTest, ShutdownEndsLingering) {
  for (int i = 0; i < 100; ++i) {
    ThreadPool pool("ending", 2, {.linger = absl::Hours(1)});
    std::atomic<bool> ran = false;
    pool.Post([&] { ran = true; });
    if (i % 2 == 0) {
      while (!ran) std::this_thread::yield();
    }
    pool.Shutdown();  // would take an hour
    EXPECT_TRUE(ran);
  }
}

TEST(CondVarTest, SubMillisecondTimeoutPasses) {
  Mutex mutex;
  CondVar never;
  MutexLock lock(&mutex);
  // Spurious wakes are allowed, so the test only requires that the timeout passes eventually.
  while (never.WaitFor(&mutex, absl::Microseconds(1))) {
  }
  SUCCEED();
}

TEST(CondVarTest, InfiniteTimeoutWaitsForAWake) {
  for (const absl::Duration timeout : {absl::InfiniteDuration(), absl::Hours(24 * 365 * 300)}) {
    Mutex mutex;
    CondVar wake;
    bool done = false;
    bool timed_out = false;
    Thread waker("waker", [&] {
      MutexLock lock(&mutex);
      done = true;
      wake.NotifyAll();
    });
    MutexLock lock(&mutex);
    while (!done) timed_out = !wake.WaitFor(&mutex, timeout) || timed_out;
    EXPECT_FALSE(timed_out);
  }
}

TEST(ThreadPoolTest, StartsThreadsOnlyForTasksThatWouldWait) {
  ThreadPool pool("growing", 1, {.max_threads = 3});
  EXPECT_EQ(pool.threads(), 3);
  Mutex mutex;
  CondVar changed;
  int running = 0;
  bool go = false;
  std::set<std::thread::id> threads;
  const auto block = [&] {
    MutexLock lock(&mutex);
    threads.insert(std::this_thread::get_id());
    ++running;
    changed.NotifyAll();
    while (!go) changed.Wait(&mutex);
    --running;
    changed.NotifyAll();
  };
  const auto wait_for = [&](int expected) {
    MutexLock lock(&mutex);
    while (running != expected) changed.Wait(&mutex);
  };
  for (int n = 1; n <= 3; ++n) {
    pool.Post(block);
    wait_for(n);
  }
  pool.Post(block);  // waits for one of the three
  {
    MutexLock lock(&mutex);
    go = true;
    changed.NotifyAll();
  }
  pool.Shutdown();
  EXPECT_EQ(threads.size(), 3);
  EXPECT_EQ(running, 0);
}

}  // namespace
}  // namespace syncline

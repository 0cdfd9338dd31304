#include "base/alarm.h"

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace syncline {
namespace {

class Bell {
 public:
  void Ring() {
    {
      MutexLock lock(&mutex_);
      ++rings_;
    }
    changed_.NotifyAll();
  }
  int WaitForRing() {
    MutexLock lock(&mutex_);
    while (rings_ == 0) changed_.Wait(&mutex_);
    return rings_;
  }
  int rings() {
    MutexLock lock(&mutex_);
    return rings_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int rings_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST(AlarmTest, RingsOnceAfterTheDelay) {
  Bell bell;
  Alarm alarm([&] { bell.Ring(); });
  const absl::Time set = absl::Now();
  alarm.Set(absl::Milliseconds(20));
  EXPECT_EQ(bell.WaitForRing(), 1);
  EXPECT_GE(absl::Now() - set, absl::Milliseconds(20));
}

TEST(AlarmTest, StaysSilentIfItIsNotSetOrDestroyedBefore) {
  Bell bell;
  {
    const Alarm never([&] { bell.Ring(); });
  }
  {
    Alarm late([&] { bell.Ring(); });
    late.Set(absl::Hours(1));
  }
  EXPECT_EQ(bell.rings(), 0);
}

}  // namespace
}  // namespace syncline

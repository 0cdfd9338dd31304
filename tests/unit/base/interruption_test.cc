#include "base/interruption.h"

#include <gtest/gtest.h>

#include <memory>

#include "absl/time/clock.h"
#include "base/stop_signal.h"
#include "base/thread.h"

namespace syncline {
namespace {

constexpr absl::Duration kLong = absl::Minutes(10);

TEST(InterruptionTest, ThreadWithoutOneIsNeverInterrupted) {
  EXPECT_EQ(Interruption::Current(), nullptr);
  EXPECT_TRUE(Interruption::Check().ok());
  EXPECT_TRUE(Interruption::Sleep(absl::Milliseconds(1)));
}

TEST(InterruptionTest, ScopeIsOfItsThreadAndNests) {
  const auto outer = std::make_shared<Interruption>();
  outer->Interrupt(absl::CancelledError("gone"));
  const Interruption::Scope scope(outer);
  EXPECT_EQ(Interruption::Check(), absl::CancelledError("gone"));
  {
    const Interruption::Scope suspended(nullptr);
    EXPECT_TRUE(Interruption::Check().ok());
  }
  EXPECT_EQ(Interruption::Current(), outer);
  const Thread other("other", [] { EXPECT_EQ(Interruption::Current(), nullptr); });
}

TEST(InterruptionTest, FirstStatusStays) {
  Interruption interruption;
  interruption.Interrupt(absl::CancelledError("first"));
  interruption.Interrupt(absl::UnavailableError("second"));
  EXPECT_EQ(interruption.status(), absl::CancelledError("first"));
}

TEST(InterruptionTest, CallbackRunsOnceWhileItExists) {
  const auto interruption = std::make_shared<Interruption>();
  int removed = 0;
  int kept = 0;
  {
    const Interruption::Callback callback(interruption, [&] { ++removed; });
  }
  const Interruption::Callback callback(interruption, [&] { ++kept; });
  interruption->Interrupt(absl::CancelledError("gone"));
  interruption->Interrupt(absl::CancelledError("gone"));
  EXPECT_EQ(removed, 0);
  EXPECT_EQ(kept, 1);
  const Interruption::Callback late(interruption, [&] { ++kept; });
  EXPECT_EQ(kept, 2);
}

TEST(InterruptionTest, EndsPausesOfItsThread) {
  const auto interruption = std::make_shared<Interruption>();
  StopSignal stop;
  const absl::Time began = absl::Now();
  {
    const Thread sleeper("sleeper", [&] {
      const Interruption::Scope scope(interruption);
      EXPECT_FALSE(Interruption::Sleep(kLong));
    });
    const Thread waiter("waiter", [&] {
      const Interruption::Scope scope(interruption);
      EXPECT_FALSE(stop.Wait(kLong));
    });
    absl::SleepFor(absl::Milliseconds(20));
    interruption->Interrupt(absl::CancelledError("gone"));
  }
  EXPECT_LT(absl::Now() - began, kLong);
  EXPECT_TRUE(stop.Wait(absl::Milliseconds(1)));
}

// A callback must never run after its destructor has returned.
TEST(InterruptionTest, DestructorWaitsForARunningCallback) {
  for (int round = 0; round < 200; ++round) {
    const auto interruption = std::make_shared<Interruption>();
    auto alive = std::make_unique<int>(0);
    const Thread other("other", [&] { interruption->Interrupt(absl::CancelledError("gone")); });
    {
      const Interruption::Callback callback(interruption, [&] { ++*alive; });
    }
    alive.reset();
  }
}

}  // namespace
}  // namespace syncline

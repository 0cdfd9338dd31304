#include "server/rpc/read_gate.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace syncline::rpc {
namespace {

class ReadGateTest : public ::testing::Test {
 protected:
  int64_t Enter(int64_t bytes) {
    const int64_t call = gate_.NewCall();
    gate_.Enter(call, bytes, [this, call] { absl::StrAppend(&started_, call, " "); });
    return call;
  }

  ReadGate gate_{100};
  std::string started_;
};

TEST_F(ReadGateTest, StartsWhatFitsAndTheNewestAndTheOldestInTurn) {
  const int64_t first = Enter(60);
  const int64_t second = Enter(40);
  for (int i = 0; i < 4; ++i) Enter(50);
  EXPECT_EQ(started_, "1 2 ");
  EXPECT_EQ(gate_.waiting(), 4);
  gate_.Leave(second);
  EXPECT_EQ(started_, "1 2 ") << "50 bytes do not fit";
  gate_.Leave(first);
  EXPECT_EQ(started_, "1 2 6 3 ");
  gate_.Leave(6);
  gate_.Leave(3);
  EXPECT_EQ(started_, "1 2 6 3 5 4 ");
  EXPECT_EQ(gate_.held_bytes(), 100);
}

TEST(SparePlaceTest, NewCallDoesNotWaitForSilentOnes) {
  ReadGate gate(100, /*spare_bytes=*/60);
  std::string started;
  const auto enter = [&](int64_t bytes) {
    const int64_t call = gate.NewCall();
    gate.Enter(call, bytes, [&started, call] { absl::StrAppend(&started, call, " "); });
    return call;
  };
  enter(100);                        // takes all of the capacity
  const int64_t second = enter(60);  // takes the spare place
  const int64_t third = enter(60);   // waits
  EXPECT_EQ(started, "1 2 ");
  EXPECT_EQ(gate.held_bytes(), 100);
  // The place is taken until the message has left, and belongs to new calls only.
  gate.Arrive(second, 50);
  gate.Tick(absl::Now());
  EXPECT_EQ(started, "1 2 ");
  gate.Leave(second);
  EXPECT_EQ(started, "1 2 ");
  const int64_t fourth = enter(10);
  enter(70);  // too large
  EXPECT_EQ(started, "1 2 4 ");
  // A silent call loses it.
  gate.Leave(third);
  gate.Tick(absl::Now() + absl::Seconds(3));
  EXPECT_EQ(started, "1 2 4 5 ");
  enter(60);
  EXPECT_EQ(started, "1 2 4 5 6 ");
  // The message of the fourth call is counted when it arrives.
  gate.Arrive(fourth, 10);
  EXPECT_EQ(gate.held_bytes(), 80);
}

TEST(SparePlaceTest, IsNotGivenWhileMessagesWaitForMemory) {
  ReadGate gate(100, /*spare_bytes=*/60);
  int started = 0;
  const auto enter = [&] {
    const int64_t call = gate.NewCall();
    gate.Enter(call, 50, [&started] { ++started; });
    return call;
  };
  const int64_t arrived = enter();
  enter();
  gate.Arrive(arrived, 50);
  enter();
  EXPECT_EQ(started, 2);
  gate.Leave(arrived);
  EXPECT_EQ(started, 3) << "its place";
  enter();
  EXPECT_EQ(started, 4) << "the spare place";
}

TEST_F(ReadGateTest, LargerMessagesThanTheCapacityAreReceivedAlone) {
  const int64_t small = Enter(10);
  const int64_t large = Enter(500);
  EXPECT_EQ(started_, "1 ");
  gate_.Leave(small);
  EXPECT_EQ(started_, "1 2 ");
  Enter(10);
  EXPECT_EQ(started_, "1 2 ");
  gate_.Leave(large);
  EXPECT_EQ(started_, "1 2 3 ");
}

TEST_F(ReadGateTest, SilentReadsLoseTheirPlaceAndArrivedMessagesDoNot) {
  const int64_t silent = Enter(50);
  const int64_t arrived = Enter(50);
  gate_.Arrive(arrived, 60);
  EXPECT_EQ(gate_.held_bytes(), 110);
  Enter(30);
  gate_.Tick(absl::Now());
  EXPECT_EQ(started_, "1 2 ");
  gate_.Tick(absl::Now() + absl::Seconds(3));
  EXPECT_EQ(started_, "1 2 3 ");
  EXPECT_EQ(gate_.held_bytes(), 90);
  // The message of the silent read is counted when it arrives.
  gate_.Arrive(silent, 20);
  EXPECT_EQ(gate_.held_bytes(), 110);
  gate_.Leave(silent);
  gate_.Leave(arrived);
  gate_.Leave(arrived);
  EXPECT_EQ(gate_.held_bytes(), 30);
}

TEST_F(ReadGateTest, CallsThatEndStopWaiting) {
  const int64_t first = Enter(100);
  const int64_t gone = Enter(100);
  const int64_t last = Enter(100);
  gate_.Leave(gone);
  gate_.Leave(first);
  gate_.Leave(last);
  EXPECT_EQ(started_, "1 3 ");
  EXPECT_EQ(gate_.held_bytes(), 0);
  EXPECT_EQ(gate_.waiting(), 0);
}

}  // namespace
}  // namespace syncline::rpc

#include "server/rpc/read_gate.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
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

// A gate with a spare place, which silent calls have filled.
class SparePlaceTest : public ::testing::Test {
 protected:
  SparePlaceTest() {
    silent_ = Enter(100);
    Enter(100);
    gate_.Tick(absl::Now() + absl::Seconds(2));
    EXPECT_EQ(started_, "1 2 ");
  }

  int64_t Enter(int64_t bytes) {
    const int64_t call = gate_.NewCall();
    gate_.Enter(call, bytes, [this, call] { absl::StrAppend(&started_, call, " "); });
    return call;
  }

  ReadGate gate_{100, /*spare_bytes=*/60};
  std::string started_;
  int64_t silent_ = 0;
};

TEST_F(SparePlaceTest, NewCallDoesNotWaitForSilentOnes) {
  const int64_t third = Enter(60);
  Enter(60);
  EXPECT_EQ(started_, "1 2 3 ") << "the fourth waits";
  EXPECT_EQ(gate_.held_bytes(), 100);
  // The place belongs to new calls only.
  gate_.Leave(third);
  EXPECT_EQ(started_, "1 2 3 ");
  Enter(70);
  EXPECT_EQ(started_, "1 2 3 ") << "too large";
  Enter(10);
  EXPECT_EQ(started_, "1 2 3 6 ");
}

TEST_F(SparePlaceTest, IsTakenUntilTheMessageHasLeft) {
  const int64_t third = Enter(60);
  gate_.Arrive(third, 50);
  gate_.Tick(absl::Now());
  Enter(10);
  EXPECT_EQ(started_, "1 2 3 ");
  gate_.Leave(third);
  Enter(10);
  EXPECT_EQ(started_, "1 2 3 5 ");
}

TEST_F(SparePlaceTest, IsNotGivenWhileMessagesWaitForMemory) {
  gate_.Arrive(2, 100);
  Enter(10);
  EXPECT_EQ(started_, "1 2 ");
}

TEST_F(SparePlaceTest, IsNotGivenWithoutSilentCalls) {
  gate_.Arrive(silent_, 10);
  gate_.Leave(silent_);
  Enter(10);
  EXPECT_EQ(started_, "1 2 ");
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

TEST_F(ReadGateTest, PatienceIsShortWhileThereAreSilentCalls) {
  const int64_t silent = Enter(100);
  Enter(100);
  Enter(100);
  const absl::Time begin = absl::Now();
  gate_.Tick(begin + absl::Milliseconds(500));
  EXPECT_EQ(started_, "1 ");
  gate_.Tick(begin + absl::Seconds(2));
  EXPECT_EQ(started_, "1 3 ");
  gate_.Tick(absl::Now() + absl::Milliseconds(500));
  EXPECT_EQ(started_, "1 3 2 ");
  // All that have lost their place end.
  Enter(100);
  gate_.Leave(silent);
  gate_.Leave(3);
  gate_.Tick(absl::Now() + absl::Milliseconds(500));
  EXPECT_EQ(started_, "1 3 2 ");
}

TEST_F(ReadGateTest, ReadsThatReceiveKeepTheirPlaceForTenSeconds) {
  const int64_t before = 1000;  // of earlier messages of the connection
  int64_t received = before;
  gate_.Enter(gate_.NewCall(), 100, [] {}, {nullptr, [&] { return received; }});
  Enter(100);
  const absl::Time begin = absl::Now();
  for (int second = 1; second < 10; ++second) {
    received = before + second * 10 + 1;
    gate_.Tick(begin + absl::Seconds(second));
    EXPECT_EQ(started_, "") << second;
  }
  // A message of this size would have arrived.
  received = before + 200;
  gate_.Tick(begin + absl::Seconds(11));
  EXPECT_EQ(started_, "2 ");
}

TEST_F(ReadGateTest, ReadsThatReceiveTooLittleLoseTheirPlace) {
  int64_t received = 0;
  gate_.Enter(gate_.NewCall(), 100, [] {}, {nullptr, [&] { return received; }});
  Enter(100);
  const absl::Time begin = absl::Now();
  received = 21;
  gate_.Tick(begin + absl::Seconds(2));
  EXPECT_EQ(started_, "");
  received = 25;
  gate_.Tick(begin + absl::Seconds(3));
  EXPECT_EQ(started_, "2 ");
}

TEST(SlowReadTest, NewCallsGetTheSparePlaceWhileOthersAreSlow) {
  ReadGate gate(100, /*spare_bytes=*/60);
  std::string started;
  int64_t received = 0;
  gate.Enter(gate.NewCall(), 100, [&] { started += "slow "; }, {nullptr, [&] { return received; }});
  gate.Enter(gate.NewCall(), 60, [&] { started += "waiting "; });
  received = 20;
  gate.Tick(absl::Now() + absl::Seconds(1));
  gate.Enter(gate.NewCall(), 60, [&] { started += "new "; });
  EXPECT_EQ(started, "slow new ");
}

// A gate whose only place has one of the calls of a caller, for longer than 50 ms.
class ManyCallsTest : public ::testing::Test {
 protected:
  ManyCallsTest() {
    Enter(&many_, 100);
    absl::SleepFor(absl::Milliseconds(60));
  }

  void Enter(const void* connection, int64_t bytes) {
    const int64_t call = gate_.NewCall();
    gate_.Enter(call, bytes, [this, call] { absl::StrAppend(&started_, call, " "); },
                {connection, [this] { return received_; }});
  }

  ReadGate gate_{100, /*spare_bytes=*/60};
  std::string started_;
  int64_t received_ = 0;
  const int many_ = 0;
  const int one_ = 0;
  const int other_ = 0;
};

TEST_F(ManyCallsTest, CallOfAnotherCallerDoesNotWaitForThem) {
  Enter(&many_, 60);
  EXPECT_EQ(started_, "1 ");
  Enter(&one_, 60);
  EXPECT_EQ(started_, "1 3 ");
  EXPECT_EQ(gate_.held_bytes(), 100);
  Enter(&other_, 60);
  EXPECT_EQ(started_, "1 3 ");
  gate_.Leave(3);
  Enter(&one_, 60);
  EXPECT_EQ(started_, "1 3 5 ") << "the place belongs to new calls only";
}

TEST_F(ManyCallsTest, SecondCallOfACallerWaits) {
  Enter(&one_, 70);
  Enter(&one_, 60);
  EXPECT_EQ(started_, "1 ") << "the first is too large for the spare place";
}

TEST_F(ManyCallsTest, CallsOfUnknownConnectionsWait) {
  Enter(nullptr, 60);
  EXPECT_EQ(started_, "1 ");
}

TEST_F(ManyCallsTest, NothingIsSpareWhileTheyReceive) {
  received_ = 50;
  Enter(&one_, 60);
  EXPECT_EQ(started_, "1 ");
}

TEST_F(ManyCallsTest, PlaceThatIsNewCountsAsUsed) {
  gate_.Leave(1);
  Enter(&many_, 100);
  Enter(&one_, 60);
  EXPECT_EQ(started_, "1 2 ");
}

TEST_F(ManyCallsTest, MessageThatWaitsForMemoryHoldsBackOthers) {
  gate_.Arrive(1, 100);
  Enter(&one_, 60);
  EXPECT_EQ(started_, "1 ");
  gate_.Leave(1);
  EXPECT_EQ(started_, "1 2 ");
}

TEST_F(ReadGateTest, ReadsOfClosedConnectionsLoseTheirPlace) {
  gate_.Enter(gate_.NewCall(), 96, [] {}, {nullptr, [] { return std::nullopt; }});
  Enter(96);
  gate_.Tick(absl::Now() + absl::Milliseconds(700));
  EXPECT_EQ(started_, "2 ");
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

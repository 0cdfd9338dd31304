#include "server/rpc/unary_call.h"

#include <gtest/gtest.h>

#include <chrono>

#include "base/error.h"
#include "base/reasons.h"

namespace syncline::rpc {
namespace {

using std::chrono::system_clock;

TEST(GetCallEndTest, CallsEndByTheirDeadlineIfItIsNear) {
  EXPECT_EQ(GetReason(GetCallEnd(system_clock::now())), reason::kCallDeadline);
  EXPECT_EQ(GetReason(GetCallEnd(system_clock::now() - std::chrono::hours(1))),
            reason::kCallDeadline);
  // The caller's clock may be a little ahead of the server's.
  EXPECT_EQ(GetReason(GetCallEnd(system_clock::now() + std::chrono::milliseconds(50))),
            reason::kCallDeadline);
}

TEST(GetCallEndTest, OtherCallsEndBecauseTheCallerIsGone) {
  EXPECT_EQ(GetReason(GetCallEnd(system_clock::now() + std::chrono::seconds(10))),
            reason::kCallerGone);
  // A call without a deadline.
  EXPECT_EQ(GetReason(GetCallEnd(system_clock::time_point::max())), reason::kCallerGone);
}

}  // namespace
}  // namespace syncline::rpc

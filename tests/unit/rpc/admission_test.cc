#include "server/rpc/admission.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "tests/support/status_matchers.h"

namespace syncline::rpc {
namespace {

using absl::StatusCode;
using testing::StatusIs;

constexpr AdmissionLimits kLimits = {.max_open_streams = 100,
                                     .max_watches = 2,
                                     .max_calls = 3,
                                     .max_request_bytes = 1000,
                                     .max_caller_share = 50};

class AdmissionTest : public ::testing::Test {
 protected:
  // Admits as many streams of `caller` as possible and returns how many.
  int Fill(const std::string& caller) {
    int admitted = 0;
    while (true) {
      absl::StatusOr<Admission::Call> place = admission_.EnterStream(caller);
      if (!place.ok()) {
        refusal_ = place.status();
        return admitted;
      }
      held_.push_back(std::make_unique<Admission::Call>(*std::move(place)));
      ++admitted;
    }
  }

  Admission admission_{kLimits};
  std::vector<std::unique_ptr<Admission::Call>> held_;
  absl::Status refusal_;
};

TEST_F(AdmissionTest, LimitsEachKindByItself) {
  const auto one = admission_.EnterWatch("a");
  const auto two = admission_.EnterWatch("a");
  EXPECT_OK(one);
  EXPECT_OK(two);
  const absl::Status watch = admission_.EnterWatch("b").status();
  EXPECT_THAT(watch, StatusIs(StatusCode::kResourceExhausted, "TOO_MANY_WATCHES"));
  EXPECT_TRUE(GetDetail(watch).retry_after.has_value());
  std::vector<absl::StatusOr<Admission::Call>> calls;
  for (int i = 0; i < 3; ++i) {
    calls.push_back(admission_.EnterCall("a", 0));
    EXPECT_OK(calls.back());
  }
  const absl::Status call = admission_.EnterCall("a", 0).status();
  EXPECT_THAT(call, StatusIs(StatusCode::kResourceExhausted, "TOO_MANY_CALLS"));
  EXPECT_TRUE(GetDetail(call).retry_after.has_value());
  calls.clear();
  EXPECT_OK(admission_.EnterCall("a", 0));
  EXPECT_EQ(admission_.open_streams(), 0);
}

TEST_F(AdmissionTest, OneCallerLeavesPlacesToOthers) {
  EXPECT_EQ(Fill("greedy"), 98);
  EXPECT_THAT(refusal_, StatusIs(StatusCode::kResourceExhausted, "TOO_MANY_STREAMS"));
  EXPECT_EQ(Fill("other"), 2);
  EXPECT_EQ(admission_.open_streams(), 100);
  // What the greedy caller gives up is not its own again, but the other caller's.
  for (int i = 0; i < 10; ++i) held_.erase(held_.begin());
  EXPECT_EQ(Fill("greedy"), 8);
  EXPECT_EQ(Fill("other"), 2);
}

TEST_F(AdmissionTest, CallersWithLessThanTheirShareFillTheServer) {
  for (int caller = 0; caller < 4; ++caller) {
    for (int i = 0; i < 25; ++i) {
      absl::StatusOr<Admission::Call> place = admission_.EnterStream(absl::StrCat(caller));
      ASSERT_OK(place);
      held_.push_back(std::make_unique<Admission::Call>(*std::move(place)));
    }
  }
  EXPECT_THAT(admission_.EnterStream("5").status(),
              StatusIs(StatusCode::kResourceExhausted, "TOO_MANY_STREAMS"));
}

TEST_F(AdmissionTest, SilentCallsAreNoOpenStreams) {
  std::vector<absl::StatusOr<Admission::Call>> silent;
  for (int i = 0; i < 1000; ++i) silent.push_back(admission_.EnterSilent("a"));
  EXPECT_OK(silent.back());
  EXPECT_EQ(admission_.open_streams(), 0);
  EXPECT_OK(admission_.EnterStream("b"));
  EXPECT_FALSE(admission_.WaitUntilEmpty(absl::ZeroDuration()));
  silent.clear();
  EXPECT_TRUE(admission_.WaitUntilEmpty(absl::ZeroDuration()));
}

TEST_F(AdmissionTest, LimitsTheBytesOfRequests) {
  auto large = admission_.EnterCall("a", 5000);
  EXPECT_OK(large) << "alone";
  EXPECT_THAT(admission_.EnterCall("b", 1).status(),
              StatusIs(StatusCode::kResourceExhausted, "TOO_MANY_CALLS"));
  large = absl::CancelledError();
  const auto half = admission_.EnterCall("a", 500);
  const auto other_half = admission_.EnterCall("b", 500);
  EXPECT_OK(half);
  EXPECT_OK(other_half);
  EXPECT_FALSE(admission_.EnterCall("c", 1).ok());
}

TEST_F(AdmissionTest, RefusesAllWhileDraining) {
  admission_.StartDraining();
  EXPECT_THAT(admission_.EnterCall("a", 0).status(),
              StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_THAT(admission_.EnterWatch("a").status(), StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_THAT(admission_.EnterSilent("a").status(), StatusIs(StatusCode::kUnavailable, "DRAINING"));
  EXPECT_THAT(admission_.EnterStream("a").status(), StatusIs(StatusCode::kUnavailable, "DRAINING"));
}

}  // namespace
}  // namespace syncline::rpc

#include "client/retry.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "base/error.h"
#include "base/reasons.h"
#include "client/call_error.h"
#include "client/interrupt.h"

namespace syncline::client {
namespace {

constexpr absl::Duration kFirstDelay = absl::Milliseconds(100);
constexpr absl::Duration kMaxDelay = absl::Seconds(3);

}  // namespace

Retry::Retry(OutageNotice* notice, absl::Duration retry_for, bool sole_caller)
    : notice_(notice),
      retry_for_(retry_for),
      began_(absl::Now()),
      sole_caller_(sole_caller),
      may_retry_fenced_(sole_caller) {}

absl::Status Retry::WaitAfter(const absl::Status& error, bool opened) {
  const bool fenced = GetReason(error) == reason::kFenced;
  const bool may_be_own = sole_caller_ || !opened;
  if (fenced ? !(may_retry_fenced_ && may_be_own) : !IsRetryableCall(error)) return error;
  may_retry_fenced_ = !fenced && may_be_own;
  const absl::Time now = absl::Now();
  if (!backoff_.has_value()) {
    backoff_.emplace(kFirstDelay, kMaxDelay);
    give_up_at_ = now + retry_for_;
  }
  const absl::Duration asked = GetDetail(error).retry_after.value_or(absl::ZeroDuration());
  const absl::Duration delay = std::max(backoff_->Next(), asked);
  const absl::Time give_up_at = notice_->LimitRetries(error, began_, give_up_at_);
  if (now + delay > give_up_at) return error;
  notice_->Failed(error, give_up_at);
  return SleepUnlessInterrupted(delay) ? error : absl::OkStatus();
}

void Retry::Reset() { backoff_.reset(); }

}  // namespace syncline::client

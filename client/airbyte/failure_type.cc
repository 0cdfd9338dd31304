#include "client/airbyte/failure_type.h"

#include <algorithm>
#include <iterator>
#include <string>

#include "base/error.h"
#include "base/reasons.h"
#include "client/call_error.h"

namespace syncline::client {
namespace {

// Not repeated within a run, but another run may succeed.
constexpr const char* kTransientReasons[] = {
    reason::kCallerGone,    reason::kFenced,       reason::kSchemaChanged, reason::kSuperseded,
    reason::kSyncCancelled, reason::kTableMissing, reason::kTableNotFound,
};

// Faults of the protocol between this program and the server, which no user can correct.
constexpr const char* kSystemReasons[] = {
    reason::kCountMismatch,   reason::kEmptyStream,        reason::kInvalidRows,
    reason::kInvalidValue,    reason::kLimitExceeded,      reason::kMalformedMessage,
    reason::kNoHeader,        reason::kNullValue,          reason::kOffsetGap,
    reason::kOffsetsMissing,  reason::kPlanVersionUnknown, reason::kProtocolOrder,
    reason::kStreamCompleted, reason::kStreamsOpen,
};

template <size_t N>
bool Contains(const char* const (&reasons)[N], const std::string& reason) {
  return std::find(std::begin(reasons), std::end(reasons), reason) != std::end(reasons);
}

}  // namespace

FailureType ClassifyFailure(const absl::Status& status) {
  const std::string reason = GetReason(status);
  if (IsRetryableCall(status) || Contains(kTransientReasons, reason)) {
    return FailureType::kTransient;
  }
  if (absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status)) {
    return FailureType::kConfig;
  }
  // An error without a reason is of this program, such as a fault of the input.
  if (reason.empty() || Contains(kSystemReasons, reason)) return FailureType::kSystem;
  const bool correctable = absl::IsInvalidArgument(status) || absl::IsFailedPrecondition(status) ||
                           absl::IsNotFound(status) || absl::IsAlreadyExists(status) ||
                           absl::IsUnimplemented(status) || reason == reason::kStatementTimeout ||
                           reason == reason::kTooManyRejected;
  return correctable ? FailureType::kConfig : FailureType::kSystem;
}

}  // namespace syncline::client

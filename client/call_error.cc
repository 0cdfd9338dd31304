#include "client/call_error.h"

#include <grpcpp/support/status.h>

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/reasons.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace syncline::client {
namespace {

constexpr absl::Duration kRetryLackOfMemoryAfter = absl::Seconds(1);

ErrorDetail ReadDetails(const google::rpc::Status& status) {
  ErrorDetail detail;
  for (const google::protobuf::Any& any : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    google::rpc::BadRequest bad_request;
    google::rpc::PreconditionFailure precondition;
    if (any.UnpackTo(&info)) {
      detail.reason = info.reason();
      for (const auto& [key, value] : info.metadata()) detail.metadata.emplace_back(key, value);
    } else if (any.UnpackTo(&retry)) {
      detail.retry_after = absl::Seconds(retry.retry_delay().seconds()) +
                           absl::Nanoseconds(retry.retry_delay().nanos());
    } else if (any.UnpackTo(&bad_request)) {
      for (const auto& violation : bad_request.field_violations()) {
        detail.violations.push_back({violation.field(), violation.description()});
      }
    } else if (any.UnpackTo(&precondition) && precondition.violations_size() > 0) {
      detail.subject = precondition.violations(0).subject();
    }
  }
  return detail;
}

// In gRPC 1.51 a connection that breaks during a call is not always reported as UNAVAILABLE, and a
// call that reaches a server while it shuts down is CANCELLED. The service itself sets a reason
// with that code. Calls that we cancelled are not retried, whatever their code.
bool IsBrokenConnection(const grpc::Status& status, const ErrorDetail& detail) {
  if (!detail.reason.empty()) return false;
  const std::string& message = status.error_message();
  switch (status.error_code()) {
    case grpc::StatusCode::UNKNOWN:
      return absl::StrContains(message, "Stream removed");
    case grpc::StatusCode::INTERNAL:
      return absl::StrContains(message, "RST_STREAM") || absl::StrContains(message, "GOAWAY");
    case grpc::StatusCode::CANCELLED:
      return true;
    default:
      return false;
  }
}

// gRPC and proxies end calls for lack of memory without details. A message that is too large stays
// so.
bool IsLackOfMemory(const grpc::Status& status, const ErrorDetail& detail) {
  return detail.reason.empty() && status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
         !absl::StrContains(status.error_message(), "larger than max");
}

struct Advice {
  const char* reason;
  absl::string_view text;
};

constexpr std::array<Advice, 20> kAdvice = {{
    {reason::kFenced,
     "another process took over this stream, so this one stops for good; run only one process with "
     "a --sync_id"},
    {reason::kStreamCompleted, "this stream has ended already; use a new --sync_id to load again"},
    {reason::kSyncIdReused,
     "this --sync_id was already used for a different request; use a new one"},
    {reason::kSyncCancelled, "the sync was cancelled; start a new one with another --sync_id"},
    {reason::kStaleGeneration, "the table holds a newer generation; refresh the catalog"},
    {reason::kTableOwned,
     "another connection loads this table; use its connection id or another table"},
    {reason::kTargetIncompatible,
     "rename or drop the object that prevents it, or load another table"},
    {reason::kMetaMismatch,
     "load with the --meta of the table's first load, or load another table"},
    {reason::kSchemaChanged, "the table was changed during the load; run it again"},
    {reason::kOffsetGap, "this --sync_id began with a different input; use a new --sync_id"},
    {reason::kOffsetsMissing, "run it again with the same --sync_id to send the missing records"},
    {reason::kCountMismatch, "nothing was published; this --sync_id began with a different input"},
    {reason::kInputChanged, "this --sync_id began with a different input; use a new --sync_id"},
    {reason::kNoSharedColumn, "check that this is the right file and table, or give a --schema"},
    {reason::kSchemaFrozen, "change the table or the input, or load with --schema_policy keep"},
    {reason::kPublishGuard, "staged records are kept; correct the input or relax the guard"},
    {reason::kAllRejected, "correct the input; --allow_empty replaces the table with an empty one"},
    {reason::kHybridRefresh, "use a minimum generation of 0 or of the generation itself"},
    {reason::kWritersActive, "another call still writes this stream; try again in a moment"},
    {reason::kDbAuth,
     "the database refuses the server's credentials; contact the server's operator"},
}};

std::string AdviceFor(const absl::Status& status, const std::string& reason) {
  for (const Advice& advice : kAdvice) {
    if (advice.reason == reason) return std::string(advice.text);
  }
  if (absl::IsUnauthenticated(status)) return "give a valid token with --token_file";
  if (absl::IsPermissionDenied(status)) return "the token or the database role lacks permission";
  if (absl::IsUnavailable(status)) return "try again later";
  if (absl::IsDeadlineExceeded(status)) return "try again, or raise --timeout";
  return "";
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  google::rpc::Status rich;
  ErrorDetail detail =
      rich.ParseFromString(status.error_details()) ? ReadDetails(rich) : ErrorDetail();
  if (IsLackOfMemory(status, detail)) detail.retry_after = kRetryLackOfMemoryAfter;
  const auto code = IsBrokenConnection(status, detail)
                        ? absl::StatusCode::kUnavailable
                        : static_cast<absl::StatusCode>(status.error_code());
  return MakeError(code, status.error_message(), detail);
}

absl::Status FromRpc(const google::rpc::Status& status) {
  if (status.code() == 0) return absl::OkStatus();
  return MakeError(static_cast<absl::StatusCode>(status.code()), status.message(),
                   ReadDetails(status));
}

bool IsRetryableCall(const absl::Status& status) {
  if (status.ok()) return false;
  const std::string reason = GetReason(status);
  if (reason == reason::kFenced) return false;
  return IsRetryable(status) || reason == reason::kWritersActive || reason == reason::kSwapLocked;
}

std::string Explain(const absl::Status& status, absl::string_view server) {
  const ErrorDetail detail = GetDetail(status);
  if (absl::IsUnavailable(status) && detail.reason.empty()) {
    return absl::StrCat(
        "cannot reach the server at ", server, " (", status.message(),
        "); check that syncline-server runs there, or give another address with --server");
  }
  std::string sentence(status.message());
  for (const FieldViolation& violation : detail.violations) {
    if (absl::StrContains(sentence, violation.description)) continue;
    absl::StrAppend(&sentence, "; ", violation.field, ": ", violation.description);
  }
  if (!detail.subject.empty() && !absl::StrContains(sentence, detail.subject)) {
    absl::StrAppend(&sentence, " (", detail.subject, ")");
  }
  absl::StrAppend(&sentence, " [", absl::StatusCodeToString(status.code()),
                  detail.reason.empty() ? "" : " ", detail.reason, "]");
  if (const std::string advice = AdviceFor(status, detail.reason); !advice.empty()) {
    absl::StrAppend(&sentence, "; ", advice);
  }
  return sentence;
}

}  // namespace syncline::client

#include "client/call_error.h"

#include <grpcpp/support/status.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/error.h"
#include "base/reasons.h"
#include "client/advice.h"
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

bool IsUnreachable(const absl::Status& status) {
  if (!absl::IsUnavailable(status)) return false;
  const std::string reason = GetReason(status);
  return reason.empty() || reason == reason::kDbUnreachable;
}

std::string Explain(const absl::Status& status, absl::string_view server, Frontend frontend) {
  const ErrorDetail detail = GetDetail(status);
  if (absl::IsUnavailable(status) && detail.reason.empty()) {
    return absl::StrCat(
        "cannot reach the server at ", server, " (", status.message(),
        "); check that syncline-server runs there, or give another address with ",
        frontend == Frontend::kCommandLine ? "--server" : "\"server\" in the configuration");
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
  if (const absl::string_view advice = AdviceFor(status, frontend); !advice.empty()) {
    absl::StrAppend(&sentence, "; ", advice);
  }
  return sentence;
}

}  // namespace syncline::client

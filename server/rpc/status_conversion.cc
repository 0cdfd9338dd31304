#include "server/rpc/status_conversion.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "base/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace syncline::rpc {
namespace {

// gRPC's default limit for all trailers together is 8 KiB.
constexpr size_t kMaxDetailBytes = 4 << 10;
constexpr size_t kMaxMessageBytes = 1 << 10;
constexpr size_t kMaxValueBytes = 512;
// The rest is for the message, which a PreconditionFailure repeats, and the subject.
constexpr size_t kMaxSubjectBytes = 256;
constexpr size_t kMaxInfoBytes = 1536;
// What packing adds to a detail, rounded up.
constexpr size_t kPackedBytes = 128;

google::rpc::ErrorInfo ToErrorInfo(const ErrorDetail& detail, const absl::Status& status) {
  google::rpc::ErrorInfo info;
  info.set_reason(detail.reason.empty() ? absl::StatusCodeToString(status.code()) : detail.reason);
  info.set_domain("syncline");
  for (const auto& [key, value] : detail.metadata) {
    const std::string name = ToUtf8(key, kMaxValueBytes);
    (*info.mutable_metadata())[name] = ToUtf8(value, kMaxValueBytes);
    // A shorter one that follows, such as durable_offset, may fit.
    if (info.ByteSizeLong() > kMaxInfoBytes) info.mutable_metadata()->erase(name);
  }
  return info;
}

// Adds as many of the violations as fit.
void AddViolations(const std::vector<FieldViolation>& violations, google::rpc::Status* rich) {
  google::rpc::BadRequest bad;
  for (const FieldViolation& violation : violations) {
    google::rpc::BadRequest::FieldViolation* const field = bad.add_field_violations();
    field->set_field(ToUtf8(violation.field, kMaxValueBytes));
    field->set_description(ToUtf8(violation.description, kMaxValueBytes));
    if (rich->ByteSizeLong() + bad.ByteSizeLong() > kMaxDetailBytes - kPackedBytes) {
      bad.mutable_field_violations()->RemoveLast();
      break;
    }
  }
  rich->add_details()->PackFrom(bad);
}

}  // namespace

google::rpc::Status ToRich(const absl::Status& status) {
  const ErrorDetail detail = GetDetail(status);
  google::rpc::Status rich;
  rich.set_code(static_cast<int>(status.code()));
  rich.set_message(ToUtf8(status.message(), kMaxMessageBytes));
  rich.add_details()->PackFrom(ToErrorInfo(detail, status));
  if (detail.retry_after.has_value()) {
    google::rpc::RetryInfo retry;
    const int64_t milliseconds = absl::ToInt64Milliseconds(*detail.retry_after);
    retry.mutable_retry_delay()->set_seconds(milliseconds / 1000);
    retry.mutable_retry_delay()->set_nanos(static_cast<int>(milliseconds % 1000) * 1000000);
    rich.add_details()->PackFrom(retry);
  }
  if (status.code() == absl::StatusCode::kFailedPrecondition) {
    google::rpc::PreconditionFailure failure;
    google::rpc::PreconditionFailure::Violation* violation = failure.add_violations();
    violation->set_type(detail.reason);
    violation->set_subject(ToUtf8(detail.subject, kMaxSubjectBytes));
    violation->set_description(ToUtf8(status.message(), kMaxValueBytes));
    rich.add_details()->PackFrom(failure);
  }
  if (!detail.violations.empty()) AddViolations(detail.violations, &rich);
  return rich;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status rich = ToRich(status);
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), rich.message(),
                      rich.SerializeAsString());
}

absl::Status MalformedMessage(absl::string_view full_name) {
  return MakeError(absl::StatusCode::kInvalidArgument,
                   absl::StrCat("the message is not a valid ", full_name),
                   {.reason = reason::kMalformedMessage});
}

}  // namespace syncline::rpc

#include "server/rpc/status_conversion.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/reasons.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace syncline::rpc {
namespace {

// gRPC's default limit for all trailers together is 8 KiB.
constexpr size_t kMaxDetailBytes = 4 << 10;
constexpr size_t kMaxMessageBytes = 1 << 10;
constexpr size_t kMaxValueBytes = 512;

std::string Cut(absl::string_view text, size_t most) { return std::string(text.substr(0, most)); }

google::rpc::ErrorInfo ToErrorInfo(const ErrorDetail& detail, const absl::Status& status) {
  google::rpc::ErrorInfo info;
  info.set_reason(detail.reason.empty() ? absl::StatusCodeToString(status.code()) : detail.reason);
  info.set_domain("syncline");
  for (const auto& [key, value] : detail.metadata) {
    (*info.mutable_metadata())[key] = Cut(value, kMaxValueBytes);
  }
  return info;
}

}  // namespace

google::rpc::Status ToRich(const absl::Status& status) {
  const ErrorDetail detail = GetDetail(status);
  google::rpc::Status rich;
  rich.set_code(static_cast<int>(status.code()));
  rich.set_message(Cut(status.message(), kMaxMessageBytes));
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
    violation->set_subject(Cut(detail.subject, kMaxValueBytes));
    violation->set_description(Cut(status.message(), kMaxValueBytes));
    rich.add_details()->PackFrom(failure);
  }
  if (!detail.violations.empty()) {
    google::rpc::BadRequest bad;
    for (const FieldViolation& violation : detail.violations) {
      google::rpc::BadRequest::FieldViolation* field = bad.add_field_violations();
      field->set_field(Cut(violation.field, kMaxValueBytes));
      field->set_description(Cut(violation.description, kMaxValueBytes));
      if (rich.ByteSizeLong() + bad.ByteSizeLong() > kMaxDetailBytes - 256) {
        bad.mutable_field_violations()->RemoveLast();
        break;
      }
    }
    rich.add_details()->PackFrom(bad);
  }
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

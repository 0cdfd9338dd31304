// The one function that takes an error over the gRPC boundary.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"

namespace syncline::rpc {

// `status`, which is an error, with its details as one message.
google::rpc::Status ToRich(const absl::Status& status);

// Code and message as they are; the detail as google.rpc.Status details (ErrorInfo, and BadRequest,
// PreconditionFailure or RetryInfo where they fit), together under 4 KiB.
grpc::Status ToGrpc(const absl::Status& status);

// For bytes that are no message of the type `full_name`: INVALID_ARGUMENT MALFORMED_MESSAGE.
absl::Status MalformedMessage(absl::string_view full_name);

}  // namespace syncline::rpc

// Converts errors into gRPC statuses. Every error of a call crosses the gRPC boundary here.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/rpc/status.pb.h"

namespace syncline::rpc {

// Returns the error `status` as one message, with its details.
google::rpc::Status ToRich(const absl::Status& status);

// Returns `status` with the same code, its message cut to 1 KiB, and its detail as
// google.rpc.Status details: ErrorInfo, and BadRequest, PreconditionFailure or RetryInfo where they
// apply, together under 4 KiB. All texts are UTF-8, cut between characters.
grpc::Status ToGrpc(const absl::Status& status);

// Returns INVALID_ARGUMENT MALFORMED_MESSAGE, for bytes that are not a message of the type
// `full_name`.
absl::Status MalformedMessage(absl::string_view full_name);

}  // namespace syncline::rpc

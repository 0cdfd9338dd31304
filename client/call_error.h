// Errors of calls: from gRPC to absl::Status and from there to one sentence for a person.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace google::rpc {
class Status;
}
namespace grpc {
class Status;
}

namespace syncline::client {

// The status with the server's google.rpc details as base/error.h keeps them: DetailOf,
// ReasonOf and IsRetryable work on it. A connection that broke is UNAVAILABLE, however gRPC worded
// it.
absl::Status FromGrpc(const grpc::Status& status);

// The same for an error inside an answer, such as that of a stream that could not start.
absl::Status FromRpc(const google::rpc::Status& status);

// True when starting the sync again and sending what is not durable may succeed.
bool IsRetryableCall(const absl::Status& status);

// One clear sentence: what went wrong, its code and reason, and what to do about it. `server` is
// the address that was called.
std::string Explain(const absl::Status& status, absl::string_view server);

}  // namespace syncline::client

// Converts errors of calls from gRPC to absl::Status, and formats them as one sentence for the
// user.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/advice.h"

namespace google::rpc {
class Status;
}
namespace grpc {
class Status;
}

namespace syncline::client {

// Returns `status` with the server's google.rpc details in the form of base/error.h, so that
// GetDetail, GetReason and IsRetryable work on it. A broken connection becomes UNAVAILABLE,
// whatever code gRPC reported. RESOURCE_EXHAUSTED without details, with which gRPC and proxies end
// calls for lack of memory, is retryable, except for a message that is too large.
absl::Status FromGrpc(const grpc::Status& status);

// Converts an error that is part of a response, such as that of a stream that could not start.
absl::Status FromRpc(const google::rpc::Status& status);

// Returns whether it may succeed to start the sync again and to send the records that are not
// durable.
bool IsRetryableCall(const absl::Status& status);

// Returns whether `status` means that the server, or the database behind it, could not be reached.
bool IsUnreachable(const absl::Status& status);

// Returns one sentence for the user: what failed, its code and reason, and what to do about it.
// `server` is the address that was called.
std::string Explain(const absl::Status& status, absl::string_view server,
                    Frontend frontend = Frontend::kCommandLine);

}  // namespace syncline::client

// Converts the result of an RPC for the caller and logs its error once.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::rpc {

// Converts `status`, with which the call `rpc` ends, and logs it if it is an error. Log lines about
// callers without valid credentials are rate-limited, because such callers can call at any rate.
// Thread-safe.
grpc::Status Answer(absl::string_view rpc, const absl::Status& status);

}  // namespace syncline::rpc

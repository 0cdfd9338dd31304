// How a call of the service ends: its error goes to the log once, and to the caller.
#pragma once

#include <grpcpp/support/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::rpc {

// Logs an error of the call `rpc` and converts it. Lines about callers without credentials, who may
// call as often as they like, are limited. Thread-safe.
grpc::Status Answer(absl::string_view rpc, const absl::Status& status);

}  // namespace syncline::rpc

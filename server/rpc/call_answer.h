// Converts the result of an RPC for the caller and logs its error once.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace syncline::rpc {

// Converts `status`, with which the call `rpc` ends, and logs it if it is an error. The lines are
// limited as TakeErrorLine says. Thread-safe.
grpc::Status Answer(absl::string_view rpc, const absl::Status& status);

// Returns nullopt if no line about the error `status` of `rpc` may be logged now, otherwise the
// number of lines omitted since the last one: callers can cause errors at any rate, so each pair of
// RPC and reason has 10 lines per 10 s. Thread-safe.
std::optional<int64_t> TakeErrorLine(absl::string_view rpc, const absl::Status& status);

}  // namespace syncline::rpc

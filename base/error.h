// Errors with a machine-readable reason: what a caller can act on, carried inside absl::Status.
//
// The rpc module turns the detail into google.rpc.Status details. Each module has its own small
// file of named constructors that call MakeError; reasons are listed in docs/errors.md. Messages
// never hold record values, passwords or tokens.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace syncline {

// One wrong field of a request.
struct FieldViolation {
  std::string field;        // path from the request's root, e.g. "streams[2].primary_key[0]"
  std::string description;  // what is wrong with it
};

struct ErrorDetail {
  std::string reason = {};  // UPPER_SNAKE_CASE, stable
  std::vector<std::pair<std::string, std::string>> metadata = {};
  std::vector<FieldViolation> violations = {};
  // The object a FAILED_PRECONDITION is about (a table, a stream); empty when there is none.
  std::string subject = {};
  // Set when the same call may succeed later.
  std::optional<absl::Duration> retry_after = std::nullopt;
};

// A status with `detail` as payload. `code` must not be kOk.
absl::Status MakeError(absl::StatusCode code, absl::string_view message, const ErrorDetail& detail);

// The detail of `status`; empty when it has none.
ErrorDetail DetailOf(const absl::Status& status);

// The reason of `status`; empty when it has none.
std::string ReasonOf(const absl::Status& status);

// `status` with one more metadata entry, its code, message and the rest of its detail kept.
absl::Status WithMetadata(const absl::Status& status, absl::string_view key,
                          absl::string_view value);

// `status` with `context` and ": " before its message, its detail kept.
absl::Status WithContext(const absl::Status& status, absl::string_view context);

// True when repeating the same call may succeed: the detail says retry_after, or the code is
// UNAVAILABLE.
bool IsRetryable(const absl::Status& status);

}  // namespace syncline

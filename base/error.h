// Errors with a machine-readable reason that callers can act on, carried inside absl::Status.
//
// The rpc module converts the detail into google.rpc.Status details. Each module has a small file
// of named constructors that call MakeError. docs/errors.md lists all reasons. Messages never
// contain record values, passwords or tokens.
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
  // The object that a FAILED_PRECONDITION refers to (a table, a stream), or empty.
  std::string subject = {};
  // Set if the same call may succeed later.
  std::optional<absl::Duration> retry_after = std::nullopt;
};

// Returns a status with `detail` as payload. `code` must not be kOk. Only the first 20 violations
// are kept, and at most 512 bytes of each of their texts.
absl::Status MakeError(absl::StatusCode code, absl::string_view message, const ErrorDetail& detail);

// Returns the detail of `status`, or an empty one.
ErrorDetail GetDetail(const absl::Status& status);

// Returns the reason of `status`, or an empty string.
std::string GetReason(const absl::Status& status);

// Returns `status` with one more metadata entry. Code, message and other details are kept.
absl::Status WithMetadata(const absl::Status& status, absl::string_view key,
                          absl::string_view value);

// Returns `status` with `context` and ": " before its message. The detail is kept.
absl::Status WithContext(const absl::Status& status, absl::string_view context);

// Returns whether repeating the same call may succeed: the detail has retry_after, or the code is
// UNAVAILABLE.
bool IsRetryable(const absl::Status& status);

}  // namespace syncline

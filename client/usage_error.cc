#include "client/usage_error.h"

#include "absl/strings/cord.h"

namespace syncline::client {
namespace {

constexpr char kMark[] = "syncline/usage";

}  // namespace

absl::Status UsageError(absl::string_view message) {
  return AsUsageError(absl::InvalidArgumentError(message));
}

absl::Status AsUsageError(const absl::Status& status) {
  absl::Status marked = status;
  marked.SetPayload(kMark, absl::Cord());
  return marked;
}

bool IsUsageError(const absl::Status& status) { return status.GetPayload(kMark).has_value(); }

}  // namespace syncline::client

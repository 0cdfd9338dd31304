#include "server/rpc/call_answer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/error.h"
#include "base/line_limiter.h"
#include "base/log.h"
#include "server/rpc/status_conversion.h"

namespace syncline::rpc {
namespace {

constexpr int kLogLines = 10;
constexpr absl::Duration kLogWindow = absl::Seconds(10);

}  // namespace

std::optional<int64_t> TakeErrorLine(absl::string_view rpc, const absl::Status& status) {
  static auto* const limiters = new LineLimiters(kLogLines, kLogWindow);
  const std::string reason = GetReason(status);
  return limiters->Take(
      absl::StrCat(rpc, "/", reason.empty() ? absl::StatusCodeToString(status.code()) : reason),
      absl::Now());
}

grpc::Status Answer(absl::string_view rpc, const absl::Status& status) {
  if (status.ok()) return ToGrpc(status);
  if (const std::optional<int64_t> left_out = TakeErrorLine(rpc, status)) {
    Log line(LogLevel::kWarning, "rpc_failed");
    line.Field("rpc", rpc).Error(status);
    if (*left_out > 0) line.Field("left_out", *left_out);
  }
  return ToGrpc(status);
}

}  // namespace syncline::rpc

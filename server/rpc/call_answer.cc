#include "server/rpc/call_answer.h"

#include <cstdint>
#include <optional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/line_limiter.h"
#include "base/log.h"
#include "server/rpc/status_conversion.h"

namespace syncline::rpc {
namespace {

constexpr int kUnauthenticatedLogLines = 10;
constexpr absl::Duration kUnauthenticatedLogWindow = absl::Seconds(10);

}  // namespace

grpc::Status Answer(absl::string_view rpc, const absl::Status& status) {
  if (status.ok()) return ToGrpc(status);
  static auto* const limiter = new LineLimiter(kUnauthenticatedLogLines, kUnauthenticatedLogWindow);
  const std::optional<int64_t> left_out =
      absl::IsUnauthenticated(status) ? limiter->Take(absl::Now()) : 0;
  if (left_out.has_value()) {
    Log line(LogLevel::kWarning, "rpc_failed");
    line.Field("rpc", rpc).Error(status);
    if (*left_out > 0) line.Field("left_out", *left_out);
  }
  return ToGrpc(status);
}

}  // namespace syncline::rpc

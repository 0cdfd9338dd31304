#include "server/rpc/library_log.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/line_limiter.h"
#include "base/log.h"

namespace syncline::rpc {
namespace {

constexpr int kLines = 10;
constexpr absl::Duration kLogWindow = absl::Seconds(10);

void LogLine(LogLevel level, const char* library, absl::string_view message,
             absl::string_view source) {
  static auto* const limiter = new LineLimiter(kLines, kLogWindow);
  const std::optional<int64_t> left_out = limiter->Take(absl::Now());
  if (!left_out.has_value()) return;
  Log line(level, "library");
  line.Field("library", library).Field("message", message).Field("source", source);
  if (*left_out > 0) line.Field("left_out", *left_out);
}

void FromGrpc(gpr_log_func_args* args) {
  const LogLevel level = args->severity == GPR_LOG_SEVERITY_DEBUG  ? LogLevel::kDebug
                         : args->severity == GPR_LOG_SEVERITY_INFO ? LogLevel::kInfo
                                                                   : LogLevel::kWarning;
  LogLine(level, "grpc", args->message, absl::StrCat(args->file, ":", args->line));
}

void FromProtobuf(google::protobuf::LogLevel level, const char* file, int line,
                  const std::string& message) {
  LogLine(level == google::protobuf::LOGLEVEL_INFO ? LogLevel::kInfo : LogLevel::kWarning,
          "protobuf", message, absl::StrCat(file, ":", line));
}

}  // namespace

void RouteLibraryLogs() {
  gpr_set_log_function(FromGrpc);
  google::protobuf::SetLogHandler(FromProtobuf);
}

}  // namespace syncline::rpc

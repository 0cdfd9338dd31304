#include "client/failure.h"

#include "base/error.h"
#include "client/call_error.h"
#include "client/exit_code.h"
#include "client/output.h"
#include "client/usage_error.h"

namespace syncline::client {

int ReportFailure(const absl::Status& status) {
  if (GetReason(status).empty()) {
    PrintMessage(status.message());
  } else {
    PrintMessage(Explain(status, ""));
  }
  return IsUsageError(status) ? kExitUsage : kExitFailed;
}

int ReportCallFailure(const absl::Status& status, absl::string_view server) {
  PrintMessage(Explain(status, server));
  return kExitFailed;
}

}  // namespace syncline::client

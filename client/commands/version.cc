#include "base/version.h"

#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "client/commands/commands.h"
#include "client/failure.h"
#include "client/output.h"

namespace syncline::client {

int RunVersion(const CommandLine&) {
  LineOutput output(STDOUT_FILENO);
  output.WriteLine(absl::StrCat("syncline ", Version()));
  return ReportOutput(output);
}

}  // namespace syncline::client

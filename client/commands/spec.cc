#include "client/airbyte/spec.h"

#include <unistd.h>

#include "client/commands/commands.h"
#include "client/failure.h"
#include "client/output.h"

namespace syncline::client {

int RunSpec(const CommandLine&) {
  LineOutput output(STDOUT_FILENO);
  output.WriteLine(SpecMessage());
  return ReportOutput(output);
}

}  // namespace syncline::client

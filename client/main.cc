#include <grpc/grpc.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "base/exposed_file.h"
#include "base/program_variables.h"
#include "client/cli.h"
#include "client/output.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // a closed stdout makes a write fail instead of killing us
  // As in the server: abseil does not search for deadlocks at every lock of gRPC.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  std::vector<std::string> arguments(argv + 1, argv + argc);
  // Meltano starts a target by this name.
  if (argc > 0 && absl::EndsWith(argv[0], "target-syncline")) {
    arguments.insert(arguments.begin(), "singer");
  }
  const syncline::client::Invocation invocation =
      syncline::client::ParseCommandLine(arguments, syncline::client::ProcessEnvironment);
  std::fputs(invocation.to_stdout.c_str(), stdout);
  std::fputs(invocation.to_stderr.c_str(), stderr);
  if (invocation.verb == nullptr) return invocation.exit_code;
  const std::vector<std::string> unknown = syncline::UnknownVariables(environ);
  if (!unknown.empty()) {
    syncline::client::PrintMessage("warning: unknown environment variables: " +
                                   absl::StrJoin(unknown, ", "));
  }
  for (const char* const flag : {"token_file", "tls_key_file"}) {
    const std::string file = invocation.command_line.Text(flag);
    if (file.empty() || !syncline::GetModeIfExposed(file).has_value()) continue;
    syncline::client::PrintMessage(absl::StrCat("warning: every user of this machine can read ",
                                                file, "; run chmod o= ", file));
  }
  // When its last channel is destroyed, gRPC 1.51 shuts itself down, which has been seen to hang,
  // as its threads may at exit. So it stays initialized, and the process ends without destructors.
  grpc_init();
  const int exit_code = invocation.verb->run(invocation.command_line);
  std::fflush(nullptr);
  _exit(exit_code);
}

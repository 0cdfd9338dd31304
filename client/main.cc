#include <signal.h>

#include <cstdio>
#include <string>
#include <vector>

#include "client/cli.h"

int main(int argc, char** argv) {
  signal(SIGPIPE, SIG_IGN);  // a closed stdout is an error of a write, not a death
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const syncline::client::Invocation invocation =
      syncline::client::ParseCommandLine(arguments, syncline::client::ProcessEnvironment);
  std::fputs(invocation.to_stdout.c_str(), stdout);
  std::fputs(invocation.to_stderr.c_str(), stderr);
  if (invocation.verb == nullptr) return invocation.exit_code;
  return invocation.verb->run(invocation.command_line);
}

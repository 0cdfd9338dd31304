// The verbs, one file each. Each prints data on stdout and messages on stderr, and returns an exit
// code.
#pragma once

#include "client/cli.h"

namespace syncline::client {

int RunSpec(const CommandLine& command_line);
int RunCheck(const CommandLine& command_line);
int RunWrite(const CommandLine& command_line);
int RunSinger(const CommandLine& command_line);
int RunLoad(const CommandLine& command_line);
int RunList(const CommandLine& command_line);
int RunStatus(const CommandLine& command_line);
int RunRejected(const CommandLine& command_line);
int RunWatch(const CommandLine& command_line);
int RunCancel(const CommandLine& command_line);
int RunVersion(const CommandLine& command_line);

}  // namespace syncline::client

// Sets the flags from the command line and the environment, and records which of them the command
// line gave.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "server/config/config.h"

namespace syncline::config {

struct CommandLine {
  bool help = false;
  bool version = false;
  bool print_config = false;
  std::set<std::string> given;      // flags on the command line
  std::vector<std::string> faults;  // unknown flags, values that do not parse
};

// Accepts --name=value and --name value, and --name for a boolean; dashes in a name count as
// underscores. A flag that is not on the command line takes its value from SYNCLINE_<NAME>, if that
// is set. Faults are collected, not printed.
CommandLine ReadFlags(const std::vector<std::string>& arguments, const Environment& environment);

}  // namespace syncline::config

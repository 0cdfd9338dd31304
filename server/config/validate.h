// Turns the flags' values into a Config and finds everything that is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "server/config/command_line.h"
#include "server/config/config.h"

namespace syncline::config {

// Reads the flags, and the files they name. Appends to `faults` whatever is wrong, all of it; the
// Config is to be used only when there is none.
Config Validate(const CommandLine& line, const Environment& environment,
                std::vector<std::string>& faults);

}  // namespace syncline::config

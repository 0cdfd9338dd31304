// Converts the flags' values into a Config and reports everything that is wrong with them.
#pragma once

#include <string>
#include <vector>

#include "server/config/command_line.h"
#include "server/config/config.h"

namespace syncline::config {

// Reads the flags and the files that they name. Appends every error to `faults`. The Config may be
// used only if there is none.
Config Validate(const CommandLine& line, const Environment& environment,
                std::vector<std::string>& faults);

}  // namespace syncline::config

// Formats the result of `--validate_only`. Pure functions; any thread.
#pragma once

#include <string>
#include <vector>

#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// Returns whether every condition of the guard holds.
bool GuardHolds(const v1::Validation& validation);

// Returns one line each for the rows that publishing would change, for each condition of the guard,
// and for each session that publishing would wait for.
std::vector<std::string> ValidationLines(const v1::Validation& validation);

}  // namespace syncline::client

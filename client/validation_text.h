// The answer to `--validate_only`, for people. Pure, any thread.
#pragma once

#include <string>
#include <vector>

#include "syncline/v1/sync_service.pb.h"

namespace syncline::client {

// Whether every condition of the guard holds.
bool GuardHolds(const v1::Validation& validation);

// One line each: the rows that would come and go, each condition of the guard, and the sessions
// that publishing would wait for.
std::vector<std::string> ValidationLines(const v1::Validation& validation);

}  // namespace syncline::client

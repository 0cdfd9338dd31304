// The destination's specification: the members of its configuration, which config.h reads.
#pragma once

#include <string>

namespace syncline::client {

// Returns the SPEC message as one line, without a line break.
std::string SpecMessage();

}  // namespace syncline::client

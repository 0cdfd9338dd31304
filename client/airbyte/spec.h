// The specification of the destination: which members its configuration has. config.h reads them.
#pragma once

#include <string>

namespace syncline::client {

// The SPEC message, one line without its line break.
std::string SpecMessage();

}  // namespace syncline::client

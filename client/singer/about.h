// What `syncline singer --about` prints: the target's capabilities and settings.
#pragma once

#include <string>

namespace syncline::client {

// Returns the description as one JSON object on one line, in the form of the Singer SDK.
std::string AboutJson();

// Returns it as text for people.
std::string AboutText();

}  // namespace syncline::client

// The address of a server as users write it. Pure functions; any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace syncline::client {

inline constexpr int kDefaultPort = 50051;

// Returns `address` with the default port if it is a host name or an IP address without one.
// Addresses with a scheme of gRPC, such as dns:///name, are returned unchanged.
std::string WithDefaultPort(absl::string_view address);

}  // namespace syncline::client

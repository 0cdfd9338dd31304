#include "client/server_address.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace syncline::client {

std::string WithDefaultPort(absl::string_view address) {
  for (const char* const scheme :
       {"dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "vsock:", "xds:"}) {
    if (absl::StartsWith(address, scheme)) return std::string(address);
  }
  if (address.empty() || absl::StrContains(address, '/')) return std::string(address);
  const auto colons = std::count(address.begin(), address.end(), ':');
  // An IPv6 address has at least two colons and is bracketed if a port follows.
  const bool bracketed = address.front() == '[';
  if (bracketed ? address.back() != ']' : colons == 1) return std::string(address);
  if (!bracketed && colons > 1) return absl::StrCat("[", address, "]:", kDefaultPort);
  return absl::StrCat(address, ":", kDefaultPort);
}

}  // namespace syncline::client

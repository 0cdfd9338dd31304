// A bearer token as the server keeps it: never the token itself, but what tells that it is one.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace syncline {

// Who a caller is, by its token.
struct Identity {
  std::string name;  // of the token, for logs; empty without tokens
  // Whose the syncs are that it starts. It sees and ends only these and those of nobody. Empty:
  // nobody's; such an identity sees all.
  std::string owner;
  std::vector<std::string> schemas;  // into which it may load; empty: all
};

// Whether `identity` may see and end a sync of `owner`.
inline bool MaySee(const Identity& identity, const std::string& owner) {
  return identity.owner.empty() || owner.empty() || identity.owner == owner;
}

struct AccessToken {
  Identity identity;
  std::string salt;
  std::string digest;  // SHA-256 of the salt followed by the token, in hexadecimal
  absl::Time expires = absl::InfiniteFuture();

  bool operator==(const AccessToken& other) const {
    return identity.name == other.identity.name && identity.owner == other.identity.owner &&
           identity.schemas == other.identity.schemas && salt == other.salt &&
           digest == other.digest && expires == other.expires;
  }
};

}  // namespace syncline

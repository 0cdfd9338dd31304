// Bearer tokens as the server keeps them: a salted digest, never the token itself.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"

namespace syncline {

// A caller, identified by its token.
struct Identity {
  std::string name;  // of the token, for logs; empty if no tokens are configured
  // The owner of the syncs that the caller starts. The caller can read and end only these and syncs
  // without an owner. If empty, its syncs have no owner and it can read and end all syncs.
  std::string owner;
  std::vector<std::string> schemas;  // the schemas that it may load into; all if empty
};

// Returns whether `identity` may read and end a sync of `owner`.
inline bool MayAccess(const Identity& identity, const std::string& owner) {
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

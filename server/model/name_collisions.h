// Makes colliding names distinct, independently of the order in which they are listed.
//
// For use by names.cc and table_columns.cc; other code calls names.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline {

// An object that gets the name `plain` within `scope` unless it collides.
struct NameCandidate {
  std::string scope;
  std::string plain;      // at most 63 bytes
  std::string identity;   // the source's name; equal identities are the same object
  bool exact = false;     // `plain` is exactly the source's name
  bool reserved = false;  // `plain` must not be used
};

// A name within a scope.
using ScopedName = std::pair<std::string, std::string>;

// Names that exist before the candidates are named.
struct NameFacts {
  std::map<ScopedName, std::string> owners;  // permanently assigned names, with their identities
  std::set<ScopedName> taken;                // names of other existing objects
};

// Returns the final name of each candidate, at most 63 bytes. Names are distinct within a scope for
// distinct identities, and never a name that `facts` assigns to another identity.
//
// If a plain name is owned, its owner keeps it. Otherwise the exact candidate gets it, or else the
// candidate whose identity sorts first, even if the name is taken: the object is taken over. The
// other candidates, and all reserved ones, get a suffix with a hash of their identity. If that name
// is owned or taken, the next hash that is free is used.
std::vector<std::string> ResolveCollisions(const std::vector<NameCandidate>& candidates,
                                           const NameFacts& facts = {});

// Returns `name`, '_' and a hash of `identity`. The end of `name` is cut so that the result has at
// most 63 bytes. `attempt` is the number of hashes that were not free.
std::string NameWithHash(absl::string_view name, absl::string_view identity, int attempt = 0);

}  // namespace syncline

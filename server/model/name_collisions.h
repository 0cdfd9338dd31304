// Tells names apart that came out equal, in a way that does not depend on the order they are listed
// in.
//
// For names.cc; everything else calls names.h.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace syncline {

// One name that wants to be called `plain` within `scope`.
struct NameCandidate {
  std::string scope;
  std::string plain;      // at most 63 bytes
  std::string identity;   // what it is called at the source; equal identities are one thing
  bool exact = false;     // its source calls it exactly so
  bool reserved = false;  // may not be called so
};

// A name within a scope.
using ScopedName = std::pair<std::string, std::string>;

// What is known of names before they are given.
struct NameFacts {
  std::map<ScopedName, std::string> owners;  // names that are given for good, to whose identity
  std::set<ScopedName> taken;                // names that something else has already
};

// The final name of each candidate, at most 63 bytes; distinct within a scope for distinct
// identities, and never one that `facts` give to another identity.
//
// Of those that want one name, and whom no owner precedes, the exact one keeps it, else the one
// whose identity sorts first; what has the name already is taken over. The others, and all reserved
// ones, get a hash of their identity, and where even that is owned or taken, the next hash that is
// not.
std::vector<std::string> ResolveCollisions(const std::vector<NameCandidate>& candidates,
                                           const NameFacts& facts = {});

// `name` with '_' and a hash of `identity` behind it, its end cut so that the result has at most 63
// bytes. `attempt` counts the hashes that were taken.
std::string NameWithHash(absl::string_view name, absl::string_view identity, int attempt = 0);

// The head of `name`, at most `bytes` long, cut between characters.
absl::string_view CutName(absl::string_view name, size_t bytes);

}  // namespace syncline

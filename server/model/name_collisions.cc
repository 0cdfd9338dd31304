#include "server/model/name_collisions.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "server/model/names.h"

namespace syncline {
namespace {

constexpr size_t kHashDigits = 8;

// Returns the indexes of the candidates in an order that is independent of the input order: exact
// candidates first, then by identity.
std::vector<size_t> SortCandidates(const std::vector<NameCandidate>& candidates) {
  std::vector<size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::make_tuple(!candidates[a].exact, absl::string_view(candidates[a].identity)) <
           std::make_tuple(!candidates[b].exact, absl::string_view(candidates[b].identity));
  });
  return order;
}

}  // namespace

std::vector<std::string> ResolveCollisions(const std::vector<NameCandidate>& candidates,
                                           const NameFacts& facts) {
  const std::vector<size_t> order = SortCandidates(candidates);
  // Assigns plain names before any hash is tried, so that a name with a hash never takes the plain
  // name of another candidate.
  std::map<ScopedName, std::string> given = facts.owners;
  for (const size_t i : order) {
    const NameCandidate& candidate = candidates[i];
    if (!candidate.reserved) {
      given.emplace(ScopedName(candidate.scope, candidate.plain), candidate.identity);
    }
  }
  // Candidates that did not get their plain name get a suffix.
  std::vector<std::string> names(candidates.size());
  for (const size_t i : order) {
    const NameCandidate& candidate = candidates[i];
    const auto keeper = given.find({candidate.scope, candidate.plain});
    if (!candidate.reserved && keeper->second == candidate.identity) {
      names[i] = candidate.plain;
      continue;
    }
    for (int attempt = 0;; ++attempt) {
      names[i] = NameWithHash(candidate.plain, candidate.identity, attempt);
      const ScopedName name(candidate.scope, names[i]);
      const auto found = given.find(name);
      if (found != given.end() ? found->second == candidate.identity
                               : facts.taken.count(name) == 0) {
        given.emplace(name, candidate.identity);
        break;
      }
    }
  }
  return names;
}

std::string NameWithHash(absl::string_view name, absl::string_view identity, int attempt) {
  const std::string hash = attempt == 0
                               ? Sha256Hex(identity, kHashDigits)
                               : Sha256Hex(absl::StrCat(attempt, ":", identity), kHashDigits);
  return absl::StrCat(CutAtCharacter(name, kMaxIdentifierBytes - 1 - kHashDigits), "_", hash);
}

}  // namespace syncline

#include "client/name_hint.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace syncline::client {
namespace {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string SuggestName(absl::string_view wrong, const std::vector<std::string>& names,
                        absl::string_view prefix) {
  const std::string* nearest = nullptr;
  size_t least = wrong.size() / 3 + 2;
  for (const std::string& name : names) {
    const size_t distance = absl::StartsWith(name, wrong) ? 1 : EditDistance(wrong, name);
    if (distance < least) {
      least = distance;
      nearest = &name;
    }
  }
  return nearest == nullptr ? "" : absl::StrCat(" (did you mean ", prefix, *nearest, "?)");
}

}  // namespace syncline::client

#include "client/validation_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace syncline::client {

bool GuardHolds(const v1::Validation& validation) {
  return std::all_of(validation.guard_results().begin(), validation.guard_results().end(),
                     [](const v1::GuardResult& result) { return result.passed(); });
}

std::vector<std::string> ValidationLines(const v1::Validation& validation) {
  std::vector<std::string> lines = {
      absl::StrCat("publishing would insert ", validation.rows_inserted(), " rows, update ",
                   validation.rows_updated(), " and delete ", validation.rows_deleted())};
  for (const v1::GuardResult& result : validation.guard_results()) {
    lines.push_back(absl::StrCat("guard ", result.name(), ": ",
                                 result.passed() ? "holds" : "does not hold", " (limit ",
                                 result.limit(), ", actual ", result.actual(), ")"));
  }
  for (const v1::Blocker& blocker : validation.blockers()) {
    lines.push_back(absl::StrCat(
        "publishing would wait for process ", blocker.pid(),
        blocker.application().empty() ? "" : absl::StrCat(" (", blocker.application(), ")"),
        ", which has held ", blocker.object(), " for ", blocker.age().seconds(), " s"));
  }
  if (!validation.final()) {
    lines.push_back("other writers of the stream are still open; these figures may change");
  }
  return lines;
}

}  // namespace syncline::client

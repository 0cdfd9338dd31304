#include "server/postgres/connection/copy_line.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"

namespace syncline::postgres {

int64_t ParseCopyLine(absl::string_view context, absl::string_view relation) {
  int64_t found = 0;
  for (absl::string_view text : absl::StrSplit(context, '\n')) {
    const size_t name = text.find(relation);
    if (!absl::StartsWith(text, "COPY ") || name == absl::string_view::npos) continue;
    text.remove_prefix(name + relation.size());
    const size_t digit = text.find_first_of("0123456789");
    if (digit == absl::string_view::npos) continue;
    text.remove_prefix(digit);
    int64_t line = 0;
    if (!absl::SimpleAtoi(text.substr(0, text.find_first_not_of("0123456789")), &line)) continue;
    if (found != 0) return 0;
    found = line;
  }
  return found;
}

}  // namespace syncline::postgres

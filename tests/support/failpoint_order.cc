#include "tests/support/failpoint_order.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace syncline::testing {

std::string FailpointOrder::ToString() const {
  return absl::StrCat(serial, " ", name, " ", static_cast<int>(action), " ", hit, "\n");
}

std::optional<FailpointOrder> FailpointOrder::Parse(absl::string_view line) {
  const std::vector<std::string> words =
      absl::StrSplit(line, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  FailpointOrder order;
  int action = 0;
  if (words.size() != 4 || !absl::SimpleAtoi(words[0], &order.serial) ||
      !absl::SimpleAtoi(words[2], &action) || !absl::SimpleAtoi(words[3], &order.hit)) {
    return std::nullopt;
  }
  order.name = words[1];
  order.action = static_cast<FailpointAction>(action);
  return order;
}

std::string FailpointReachedLine(const FailpointOrder& order) {
  return absl::StrCat("failpoint ", order.name, " reached, order ", order.serial, "\n");
}

}  // namespace syncline::testing

// The order that a test gives to a server with failpoints (base/failpoint.h), through a file whose
// name is in an environment variable: which failpoint takes which action at which of its hits.
// There is one order at a time, and it is carried out once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::testing {

inline constexpr char kFailpointFileVariable[] = "SYNCLINE_TEST_FAILPOINT_FILE";

enum class FailpointAction {
  kKill,   // SIGKILL
  kStop,   // SIGSTOP; SIGCONT continues the process
  kPause,  // the thread waits until the order is replaced or withdrawn
  kFail,   // INTERNAL with the reason FAILPOINT, if the failpoint can return it
};

struct FailpointOrder {
  int64_t serial = 0;  // distinguishes a new order from the same one read again
  std::string name;
  FailpointAction action = FailpointAction::kKill;
  int64_t hit = 1;  // the first is 1

  std::string ToString() const;
  // Returns nothing if `line` is not an order.
  static std::optional<FailpointOrder> Parse(absl::string_view line);
};

// The line that the server writes to stderr before it acts.
std::string FailpointReachedLine(const FailpointOrder& order);

}  // namespace syncline::testing

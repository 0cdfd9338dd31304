// What a test tells a server with failpoints (base/failpoint.h), by way of a file whose name
// is in the environment: which failpoint does what at which of its hits. One order at a time; it is
// carried out once.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace syncline::testing {

inline constexpr char kFailpointFileVariable[] = "SYNCLINE_TEST_FAILPOINT_FILE";

enum class FailpointAction {
  kKill,   // SIGKILL
  kStop,   // SIGSTOP; SIGCONT lets it go on
  kPause,  // the thread waits until the order is replaced or taken back
  kFail,   // INTERNAL with the reason FAILPOINT, where the failpoint can return it
};

struct FailpointOrder {
  int64_t serial = 0;  // tells a new order from the same one read again
  std::string name;
  FailpointAction action = FailpointAction::kKill;
  int64_t hit = 1;  // the first is 1

  std::string ToString() const;
  // Nothing when `line` is no order.
  static std::optional<FailpointOrder> Parse(absl::string_view line);
};

// The line that the server writes to stderr before it acts.
std::string FailpointReached(const FailpointOrder& order);

}  // namespace syncline::testing

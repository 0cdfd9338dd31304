// Implements base/failpoint.h for the server of the fault tests, the only one that has failpoints.
#include "base/failpoint.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "base/error.h"
#include "base/mutex.h"
#include "tests/support/failpoint_order.h"

namespace syncline {
namespace {

using testing::FailpointAction;
using testing::FailpointOrder;

std::optional<FailpointOrder> ReadOrder() {
  static const char* const path = std::getenv(testing::kFailpointFileVariable);
  if (path == nullptr) return std::nullopt;
  std::ifstream file(path);
  return FailpointOrder::Parse(std::string(std::istreambuf_iterator<char>(file), {}));
}

class HitCounter {
 public:
  // Counts a hit of `order`. Returns true if the order acts at this hit.
  bool IsDue(const FailpointOrder& order) {
    MutexLock lock(&mutex_);
    if (order.serial != serial_) hits_ = 0;
    serial_ = order.serial;
    return ++hits_ == order.hit;
  }

 private:
  Mutex mutex_;
  int64_t serial_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t hits_ ABSL_GUARDED_BY(mutex_) = 0;
};

void WaitUntilReplaced(const FailpointOrder& order) {
  std::optional<FailpointOrder> now = order;
  while (now.has_value() && now->serial == order.serial) {
    absl::SleepFor(absl::Milliseconds(5));
    now = ReadOrder();
  }
}

}  // namespace

absl::Status ReachFailpoint(const char* name) {
  static auto* const counter = new HitCounter();
  const std::optional<FailpointOrder> order = ReadOrder();
  if (!order.has_value() || order->name != name || !counter->IsDue(*order)) return absl::OkStatus();
  const std::string line = testing::FailpointReachedLine(*order);
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) return absl::OkStatus();
  switch (order->action) {
    case FailpointAction::kKill:
      raise(SIGKILL);
      break;
    case FailpointAction::kStop:
      raise(SIGSTOP);
      break;
    case FailpointAction::kPause:
      WaitUntilReplaced(*order);
      break;
    case FailpointAction::kFail:
      return MakeError(absl::StatusCode::kInternal, name, {.reason = "FAILPOINT"});
  }
  return absl::OkStatus();
}

}  // namespace syncline

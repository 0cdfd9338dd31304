#include "server/postgres/connection/silence_watch.h"

#include "absl/time/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"

namespace syncline::postgres {
namespace {

// Grace period before failing or hanging checks cause a probe.
constexpr absl::Duration kGracePeriod = absl::Seconds(10);

}  // namespace

void SilenceWatch::RunCheck(const std::function<bool()>& check) {
  {
    MutexLock lock(&mutex_);
    if (!since_.has_value()) since_ = absl::Now();
  }
  if (!check()) return;
  MutexLock lock(&mutex_);
  since_.reset();
}

void SilenceWatch::Probe() {
  {
    MutexLock lock(&mutex_);
    if (!since_.has_value() || absl::Now() - *since_ < kGracePeriod) return;
  }
  if (IsResponsive() || IsResponsive()) return;
  const int connections = sockets_->ShutDown();
  if (connections == 0) return;
  Log(LogLevel::kError, "database_silent").Field("connections_ended", connections);
}

bool SilenceWatch::IsResponsive() const {
  // Any reply, even an error, proves that the server is responsive.
  return GetReason(Connection::Open(probe_).status()) != reason::kDbUnreachable;
}

}  // namespace syncline::postgres

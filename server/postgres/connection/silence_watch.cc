#include "server/postgres/connection/silence_watch.h"

#include "absl/time/clock.h"
#include "base/error.h"
#include "base/log.h"

namespace syncline::postgres {
namespace {

// How long checks may fail or take before anybody wonders.
constexpr absl::Duration kPatience = absl::Seconds(10);

}  // namespace

void SilenceWatch::During(const std::function<bool()>& check) {
  {
    MutexLock lock(&mutex_);
    if (!since_.has_value()) since_ = absl::Now();
  }
  if (!check()) return;
  MutexLock lock(&mutex_);
  since_.reset();
}

void SilenceWatch::Look() {
  {
    MutexLock lock(&mutex_);
    if (!since_.has_value() || absl::Now() - *since_ < kPatience) return;
  }
  if (Answers() || Answers()) return;
  const int connections = sockets_->ShutDown();
  if (connections == 0) return;
  Log(LogLevel::kError, "database_silent").Field("connections_ended", connections);
}

bool SilenceWatch::Answers() const {
  // Whatever a database says, it has answered.
  return ReasonOf(Connection::Open(probe_).status()) != "DB_UNREACHABLE";
}

}  // namespace syncline::postgres

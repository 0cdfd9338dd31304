// Interrupts blocked calls if the database stops responding: it is frozen, paused, or gone behind a
// proxy that still acknowledges packets, so that network timeouts do not help.
//
// Health checks of the database run inside RunCheck. If they fail or hang, Probe tries to open new
// connections. Only if those get no reply either are all connections shut down, so a long statement
// on a responsive database is never interrupted. Thread-safe. Call Probe on another thread than
// RunCheck, which blocks as long as its check.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/open_sockets.h"

namespace syncline::postgres {

class SilenceWatch {
 public:
  // `probe` is how Probe connects. `sockets` must outlive this object.
  SilenceWatch(ConnectionOptions probe, OpenSockets* sockets)
      : probe_(std::move(probe)), sockets_(sockets) {
    probe_.sockets = nullptr;
  }

  // Runs `check`, which sends the database a fast query and returns whether it replied.
  void RunCheck(const std::function<bool()>& check);

  // Probes the database if checks have failed or hung for 10 s. Call it about once per second.
  // Blocks for at most two connection attempts.
  void Probe();

 private:
  bool IsResponsive() const;

  ConnectionOptions probe_;
  OpenSockets* const sockets_;
  Mutex mutex_;
  // Start of the first check since the last successful one; nullopt if the last one succeeded.
  std::optional<absl::Time> since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres

// Ends waiting for a database that has fallen silent: frozen, paused, or gone behind something that
// still answers for it, so that no timeout of the network helps.
//
// Checks of the database that fail or do not come back make it suspicious; only when new
// connections are not answered either are all connections shut down. A long statement on a database
// that lives is never cut. During is called on the checks' thread, Look on another.
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
  // `probe` says where to connect. `sockets` outlives it.
  SilenceWatch(ConnectionOptions probe, OpenSockets* sockets)
      : probe_(std::move(probe)), sockets_(sockets) {
    probe_.sockets = nullptr;
  }

  // Runs `check`, which asks the database something that takes no time and says whether it
  // answered.
  void During(const std::function<bool()>& check);

  // Every second or so. Blocks for as long as two tries to connect take.
  void Look();

 private:
  bool Answers() const;

  ConnectionOptions probe_;
  OpenSockets* const sockets_;
  Mutex mutex_;
  // Since when no check has succeeded; none while the last one has.
  std::optional<absl::Time> since_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace syncline::postgres

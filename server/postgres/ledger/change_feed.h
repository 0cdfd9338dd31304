// ChangeFeed: the connection with which one thread follows the syncs in the ledger. It listens for
// changes, and the thread reads with it.
//
// However many syncs are followed, this is one connection, so the database's connections remain
// free for loading. Owned and used by one thread; only Wake may be called from another thread.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/wake_event.h"
#include "server/postgres/connection/connection.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

struct Changes {
  // Any sync may have changed: the connection is new, and notifications are lost while there is
  // none.
  bool all = false;
  std::vector<int64_t> sync_nos;
};

class ChangeFeed {
 public:
  // Both must outlive the feed.
  ChangeFeed(ConnectionPool* connections, const Ledger* ledger)
      : connections_(connections), ledger_(ledger) {}

  // Returns the syncs that changed since the last call as soon as there are any; none after
  // `timeout` or Wake. Connects if there is no connection. After the first return no change is
  // missed. Blocks. Errors: those of the database; the next call connects again.
  absl::StatusOr<Changes> Wait(absl::Duration timeout);

  // Makes the current Wait return, or the next one if there is none. From any thread.
  void Wake() { wake_.Set(); }

  // Returns the connection for statements outside of transactions. Connects if there is none.
  // Errors: those of the database.
  absl::StatusOr<Connection*> GetConnection();

  // Closes the connection. Without a Wait, notifications would accumulate in it.
  void Close() { connection_.reset(); }

 private:
  ConnectionPool* const connections_;
  const Ledger* const ledger_;
  WakeEvent wake_;
  std::unique_ptr<Connection> connection_;
  bool reported_ = false;  // a Wait has returned since the connection was opened
};

}  // namespace syncline::postgres

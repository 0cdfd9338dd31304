// LedgerUpkeep: what a server does to the ledger regularly: it numbers committed checkpoints and
// wakes watchers, drops states of replaced checkpoints, removes old syncs, and finishes what a
// crash or a lock has interrupted: swaps, and appends that have left a default in their table.
//
// The methods are for tickers, each for one thread at a time, and block for as long as the database
// takes. A failure is logged and repeated later.
#pragma once

#include <functional>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/write/stream_state_store.h"

namespace syncline::write {

struct UpkeepOptions {
  absl::Duration retention;  // age at which syncs that ended are removed; zero keeps them
  // Returns false once the server is stopping; a removal then ends after its current transaction.
  std::function<bool()> proceed;
  // Does what earlier swaps left to be done (postgres/swap/replaced_tables.h). May be empty.
  std::function<absl::Status()> finish_swaps = {};
  // Drops the defaults of `_airbyte_meta` that appends have left (meta_defaults.h). May be empty.
  std::function<absl::Status()> drop_meta_defaults = {};
};

class LedgerUpkeep {
 public:
  // `store` must outlive it.
  LedgerUpkeep(StreamStateStore* store, UpkeepOptions options)
      : store_(store), options_(std::move(options)) {}

  // Numbers the checkpoints that this server has committed, and wakes the watchers of what has
  // changed. Does nothing if nothing has changed. Call it at most 20 times per second. After a
  // failure it pauses for a second.
  void Announce();

  // Drops states; once per hour, and first at once, those of all syncs, removes old syncs and
  // finishes earlier swaps and appends. Call it every few seconds.
  void Tidy();

 private:
  // Returns whether it succeeded.
  bool Sweep();

  StreamStateStore* const store_;
  const UpkeepOptions options_;
  absl::Time announce_at_ = absl::InfinitePast();
  absl::Time sweep_at_ = absl::InfinitePast();
};

}  // namespace syncline::write

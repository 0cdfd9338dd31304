// WatchSource: what the reader of all watches needs from the ledger.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/model/checkpoint.h"
#include "server/model/sync_mark.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/change_feed.h"
#include "server/postgres/ledger/checkpoint_numbers.h"
#include "server/postgres/ledger/ledger.h"
#include "server/write/stream_state_store.h"

namespace syncline::write {

using postgres::Changes;
using postgres::CheckpointNumbering;

// An interface for tests of the reader. All functions block and are called by one thread, except
// Wake. Errors of all: those of the database.
class WatchSource {
 public:
  virtual ~WatchSource() = default;

  // Returns the syncs that changed, as ChangeFeed::Wait does.
  virtual absl::StatusOr<Changes> Wait(absl::Duration timeout) = 0;
  // Makes a Wait return. From any thread.
  virtual void Wake() = 0;
  // Releases the connection until the next call. Call it when nothing is watched.
  virtual void Close() = 0;

  // Returns the syncs with these ids, in any order. Unknown ids are omitted.
  virtual absl::StatusOr<std::vector<SyncIdentity>> FindSyncs(
      const std::vector<std::string>& sync_ids) = 0;
  virtual absl::StatusOr<std::vector<SyncMark>> ReadMarks(const std::vector<int64_t>& sync_nos) = 0;
  // Returns the syncs without the columns of their plans.
  virtual absl::StatusOr<std::vector<SyncEntry>> ReadSummaries(
      const std::vector<int64_t>& sync_nos) = 0;
  // Gives committed checkpoints their sequence numbers, except those of syncs that another
  // transaction has locked.
  virtual absl::StatusOr<CheckpointNumbering> NumberCheckpoints(
      const std::vector<int64_t>& sync_nos) = 0;
  virtual absl::StatusOr<CheckpointPage> ReadCheckpoints(const CheckpointQuery& query) = 0;
};

// Reads with a connection of its own. Only to number checkpoints that no server has numbered yet
// does it take one that it shares with other work of the server itself.
class LedgerWatchSource final : public WatchSource {
 public:
  // All must outlive the source.
  LedgerWatchSource(postgres::ConnectionPool* connections, const postgres::Ledger* ledger,
                    StreamStateStore* store)
      : ledger_(ledger), store_(store), feed_(connections, ledger) {}

  absl::StatusOr<Changes> Wait(absl::Duration timeout) override { return feed_.Wait(timeout); }
  void Wake() override { feed_.Wake(); }
  void Close() override { feed_.Close(); }
  absl::StatusOr<std::vector<SyncIdentity>> FindSyncs(
      const std::vector<std::string>& sync_ids) override;
  absl::StatusOr<std::vector<SyncMark>> ReadMarks(const std::vector<int64_t>& sync_nos) override;
  absl::StatusOr<std::vector<SyncEntry>> ReadSummaries(
      const std::vector<int64_t>& sync_nos) override;
  absl::StatusOr<CheckpointNumbering> NumberCheckpoints(
      const std::vector<int64_t>& sync_nos) override;
  absl::StatusOr<CheckpointPage> ReadCheckpoints(const CheckpointQuery& query) override;

 private:
  const postgres::Ledger* const ledger_;
  StreamStateStore* const store_;
  postgres::ChangeFeed feed_;
};

}  // namespace syncline::write

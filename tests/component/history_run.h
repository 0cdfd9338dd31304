// One random history on the real PostgreSQL: streams whose names map to the same table name, in
// syncs that fail at any point and run again with another catalog. It covers the checks of
// StartSync, the writer, the lanes' buffers and the loaders. After every sync each table is
// compared with what its source sent (tests/support/stream_history.h for the rows,
// tests/support/column_history.h for their values).
//
// Used by one thread. All histories share the objects that World points to.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/free_list.h"
#include "server/dataflow/aggregate.h"
#include "server/metrics/metrics.h"
#include "server/postgres/connection/connection_pool.h"
#include "server/postgres/ledger/data_commit.h"
#include "server/postgres/ledger/ledger.h"
#include "server/write/load/group_commit.h"
#include "server/write/load/insert_buffer.h"
#include "server/write/load/statement_tables.h"
#include "server/write/stream_state_store.h"
#include "server/write/sync_draft.h"
#include "server/write/writer.h"
#include "tests/support/column_history.h"
#include "tests/support/faulty_database.h"
#include "tests/support/stream_history.h"

namespace syncline::testing {

// Dependencies that the histories share.
struct World {
  postgres::Database* database = nullptr;
  const postgres::Ledger* ledger = nullptr;
  postgres::ConnectionPool* connections = nullptr;
  const postgres::DataCommitter* committer = nullptr;
  metrics::Metrics* metrics = nullptr;
  std::string schema;  // contains the tables
  // Set if small blocks are committed by statements, together with those of other histories.
  write::StatementTables* statements = nullptr;
  write::GroupCommit* group = nullptr;
};

class HistoryRun {
 public:
  // `world` must outlive the run. Histories of one world must have different seeds.
  HistoryRun(const World& world, uint64_t seed);

  // Returns OK, or the first failure with the whole story. On success no table is left.
  absl::Status Run();

 private:
  struct Stream {
    Stream(std::string stream_name, uint64_t seed)
        : name(std::move(stream_name)), source(seed), columns(seed) {}

    std::string name;
    StreamHistory source;
    ColumnHistory columns;
    HistorySync sync;                // the current one
    std::optional<TableName> table;  // assigned once
    bool replaced = false;           // the current sync has swapped in a new table
    ColumnHistory::Table rows = {};  // after the last sync
  };
  using Chosen = std::vector<Stream*>;

  absl::Status Failure(const std::string& what) const;
  Chosen Choose();
  absl::Status RunSync(const Chosen& streams, const std::string& sync_id);
  // Starts the sync. Catalogs that are refused are replaced by ones that were accepted before.
  absl::StatusOr<SyncEntry> Start(const Chosen& streams, const std::string& sync_id);
  absl::StatusOr<SyncEntry> TryStart(const Chosen& streams, const std::string& sync_id);
  absl::StatusOr<write::SyncDraft> Draft(const Chosen& streams, const std::string& sync_id) const;
  absl::Status NoteStart(const Chosen& streams, const SyncEntry& record);
  // Makes two commits: one with the checkpoint, and one after it.
  absl::Status Send(const SyncEntry& record, const StreamPlan& plan, const Stream& stream,
                    const HistoryPart& part);
  absl::Status End(const SyncEntry& record, const StreamPlan& plan, Stream* stream);
  absl::Status Check(Stream* stream);
  absl::StatusOr<ColumnHistory::Table> ReadTable(const Stream& stream);
  // Thousands of remaining tables would make the catalog slow.
  absl::Status DropTables();
  // Runs `call` until it returns a result. In some syncs the database fails in the middle.
  absl::Status Repeat(const std::function<absl::Status()>& call);

  const World& world_;
  const std::string name_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Stream>> streams_;
  FaultyDatabase database_;
  write::StreamStateStore store_;
  write::Writer writer_;
  FreeBlocks blocks_{write::kBlockBytes};
  write::LockedTables locked_{1};
  write::LoadContext load_;
  std::string story_;
};

}  // namespace syncline::testing

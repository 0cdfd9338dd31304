// One random history on the real PostgreSQL: streams whose names come out equal, in syncs that fail
// anywhere and run again with another catalog, through the checks of StartSync, the writer, the
// lanes' buffers and the loaders. After every sync each table is compared with what its source sent
// (tests/support/stream_history.h for the rows, tests/support/column_history.h for their values).
//
// Used by one thread; what the World points at is shared by all.
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
#include "server/write/load/insert_buffer.h"
#include "server/write/stream_state_store.h"
#include "server/write/sync_draft.h"
#include "server/write/writer.h"
#include "tests/support/column_history.h"
#include "tests/support/faulty_database.h"
#include "tests/support/stream_history.h"

namespace syncline::testing {

// What the histories share.
struct World {
  postgres::Database* database = nullptr;
  const postgres::Ledger* ledger = nullptr;
  postgres::ConnectionPool* connections = nullptr;
  const postgres::DataCommitter* committer = nullptr;
  metrics::Metrics* metrics = nullptr;
  std::string schema;  // of the tables
};

class HistoryRun {
 public:
  // `world` outlives the run. Histories of one world have different seeds.
  HistoryRun(const World& world, uint64_t seed);

  // OK, or what went wrong, with the whole story. Leaves no table behind when it is OK.
  absl::Status Run();

 private:
  struct Stream {
    Stream(std::string stream_name, uint64_t seed)
        : name(std::move(stream_name)), source(seed), columns(seed) {}

    std::string name;
    StreamHistory source;
    ColumnHistory columns;
    HistorySync sync;                // the current one
    std::optional<TableName> table;  // for good
    bool replaced = false;           // the current sync has put a new table in its place
    ColumnHistory::Table rows = {};  // after the last sync
  };
  using Chosen = std::vector<Stream*>;

  absl::Status Failure(const std::string& what) const;
  Chosen Choose();
  absl::Status RunSync(const Chosen& streams, const std::string& sync_id);
  // Starts the sync; where its catalogs are refused, with catalogs that were accepted before.
  absl::StatusOr<SyncRecord> Start(const Chosen& streams, const std::string& sync_id);
  absl::StatusOr<SyncRecord> TryStart(const Chosen& streams, const std::string& sync_id);
  absl::StatusOr<write::SyncDraft> Draft(const Chosen& streams, const std::string& sync_id) const;
  absl::Status NoteStart(const Chosen& streams, const SyncRecord& record);
  // Two commits: with the checkpoint, and after it.
  absl::Status Send(const SyncRecord& record, const StreamPlan& plan, const Stream& stream,
                    const HistoryPart& part);
  absl::Status End(const SyncRecord& record, const StreamPlan& plan, Stream* stream);
  absl::Status Check(Stream* stream);
  absl::StatusOr<ColumnHistory::Table> ReadTable(const Stream& stream);
  // Thousands of tables would only make the catalog slow.
  absl::Status DropTables();
  // Runs `call`, in some syncs with the database going away in the middle, until it has an answer.
  absl::Status Repeat(const std::function<absl::Status()>& call);

  const World& world_;
  const std::string name_;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<Stream>> streams_;
  FaultyDatabase database_;
  write::StreamStateStore store_;
  write::Writer writer_;
  FreeBlocks blocks_{write::kBlockBytes};
  write::LoadContext load_;
  std::string story_;
};

}  // namespace syncline::testing

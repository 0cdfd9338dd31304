// StartDecision: decides step by step how each stream of a new sync starts: which tables exist, who
// owns them, and which generation, loader and schema the stream gets.
//
// Used by one thread, in the transaction that claims the tables, under the lock policy
// (postgres/connection/lock_policy.h). The locks that it takes end with the transaction. The
// streams already have their tables (stream_naming.h).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/stream.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/table/initial_status.h"
#include "server/postgres/table/staging_schema.h"
#include "server/write/column_naming.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

struct DecisionOptions {
  postgres::LockPolicy locks;
  // Refuses a type change that rewrites a larger table.
  int64_t max_rewrite_bytes = 0;
  // LoaderContext::distribute_new_tables.
  NewTableDistribution distribute_new_tables = NewTableDistribution::kOff;
  // A replace keeps the old rows in another table (--keep_generations).
  bool keeps_replaced = false;
  // Decides each stream under a savepoint, so that a statement that fails for one stream does not
  // affect the others.
  bool isolated = false;
  // Refuses a stream whose schema does not exist.
  bool existing_schemas_only = false;
  // Decides only, and writes nothing to the ledger.
  bool preview = false;
  // For streams that are added to a sync: number of streams that it has.
  int64_t known_streams = 0;
};

class StartDecision {
 public:
  // `ledger` and `transaction` must outlive the decision.
  StartDecision(const postgres::Ledger* ledger, postgres::Transaction* transaction,
                const DecisionOptions& options)
      : ledger_(ledger),
        transaction_(transaction),
        options_(options),
        columns_(ledger, transaction) {}

  // Decides `draft` into `sync`, which is a copy of `draft.sync`, and writes it to the ledger: as a
  // new sync, or as more streams of the sync with its number. If isolated, a stream that cannot
  // start becomes kFailed with its error; otherwise the first such error is returned. Adds the
  // syncs whose streams it takes over to `superseded`. Errors: INVALID_ARGUMENT INVALID_REQUEST,
  // META_MISMATCH; FAILED_PRECONDITION STALE_GENERATION, TABLE_OWNED, SCHEMA_MISSING,
  // DISTRIBUTION_DIFFERS, TARGET_DISTRIBUTED, TARGET_INCOMPATIBLE, SCHEMA_INCOMPATIBLE and those of
  // PlanEvolution; PERMISSION_DENIED DB_PERMISSION_DENIED if a stream stages and this role may not
  // create staging tables; ABORTED LOCK_NOT_AVAILABLE if a table is locked; those of the database.
  absl::Status Decide(const SyncDraft& draft, SyncEntry* sync, std::vector<int64_t>* superseded);

  // Decides how `stream`, which has started, gets the columns that its plan declares: names them
  // and adds the changes that its table needs. Returns what exists under its tables. Errors: those
  // of Decide about the schema.
  absl::StatusOr<postgres::InitialStatus> DecideChange(StreamEntry* stream);

 private:
  // Facts about one stream. The steps below fill it in their order.
  struct Stream {
    const StreamRequest* request = nullptr;
    StreamEntry* record = nullptr;  // goes to the ledger: plan, changes, warnings
    postgres::InitialStatus status;
    postgres::TableHistory history;
    bool dropped = false;  // the table was loaded before and no longer exists
  };

  static std::vector<StreamEntry*> RecordsOf(const std::vector<Stream>& streams);
  absl::Status LockTables(const std::vector<Stream>& streams);
  // Moves staging tables of older versions to where the plans expect them. Removes from `streams`
  // those that cannot start because of that.
  absl::Status AdoptStaging(std::vector<Stream>* streams);
  // Reads what exists under the streams' tables, and the ledger's history of them.
  absl::Status Gather(std::vector<Stream>* streams);
  // Runs `step` under a savepoint. If it fails for this stream only, the stream becomes kFailed.
  absl::Status Isolate(StreamEntry* record, absl::FunctionRef<absl::Status()> step);
  absl::Status DecideIsolated(const SyncEntry& sync, Stream* stream);
  absl::Status DecideStream(const SyncEntry& sync, Stream* stream);
  absl::Status Write(const std::vector<Stream>& streams, SyncEntry* sync,
                     std::vector<int64_t>* superseded);
  // Adds the streams to the sync, which exists. Locks `superseded`, too, because several syncs are
  // locked together. Errors: FAILED_PRECONDITION SYNC_CANCELLED; UNAVAILABLE START_IN_PROGRESS if
  // the sync has ended otherwise.
  absl::Status AddToSync(const std::vector<int64_t>& superseded, SyncEntry* sync);

  // --- The steps of DecideStream ---
  // Returns an error if the schema does not exist and must not be created.
  absl::Status CheckNamespace(const Stream& stream);
  // Refuses a stream whose table is being loaded with other meta columns. What exists has been
  // checked by Gather.
  static absl::Status CheckMeta(const Stream& stream);
  // Drops from the history what no longer applies, because the table does not exist.
  absl::Status AdjustHistory(Stream* stream);
  absl::Status DecideGeneration(Stream* stream);
  // Plans the schema of the stream's tables and the changes that the target needs.
  absl::Status PlanSchema(Stream* stream);
  // Checks that the stream may stage, and warns if its staged rows are published.
  absl::Status CheckStaging(StreamEntry* record);
  // Reads the schema of staging tables once.
  absl::Status ReadStagingSchema();
  // Returns whether rows that are already staged will be published with those of the stream.
  absl::StatusOr<bool> PublishesStaged(const Stream& stream);
  // Returns whether the rows that the stream loads replace the target.
  absl::StatusOr<bool> Replaces(const Stream& stream);

  // Returns the generation below which a request is stale.
  absl::StatusOr<int64_t> NewestGeneration(const Stream& stream);

  const postgres::Ledger* const ledger_;
  postgres::Transaction* const transaction_;
  const DecisionOptions options_;
  ColumnNaming columns_;
  std::optional<postgres::StagingSchema> staging_schema_;
  std::vector<TableName> adopted_;  // the earlier names of staging tables that were moved
};

}  // namespace syncline::write

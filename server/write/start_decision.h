// StartDecision: decides how each stream of a new sync starts, step by step, in the transaction
// that claims its table: what exists, whose table it is, which generation and loader, which shape.
//
// Used by one thread, within one transaction under the lock policy (postgres/lock_policy.h); the
// locks that it takes end with the transaction. The streams have their tables (stream_naming.h).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/plan.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/table/initial_status.h"
#include "server/write/column_naming.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

struct DecisionOptions {
  postgres::LockPolicy locks;
  // A type change that rewrites a larger table is refused.
  int64_t max_rewrite_bytes = 0;
  // Each stream is decided under a savepoint, so that a statement that fails for one of them spoils
  // no other.
  bool isolated = false;
};

class StartDecision {
 public:
  // `ledger` and `transaction` outlive the decision.
  StartDecision(const postgres::Ledger* ledger, postgres::Transaction* transaction,
                const DecisionOptions& options)
      : ledger_(ledger),
        transaction_(transaction),
        options_(options),
        columns_(ledger, transaction) {}

  // Decides `draft` into `sync`, which is a copy of `draft.sync`, and writes it to the ledger. An
  // isolated decision ends a stream that cannot start as kFailed with its error; others return the
  // first such error. Errors: INVALID_ARGUMENT INVALID_REQUEST; FAILED_PRECONDITION
  // STALE_GENERATION, TABLE_OWNED, TARGET_INCOMPATIBLE, SCHEMA_INCOMPATIBLE and those of
  // PlanEvolution; ABORTED LOCK_NOT_AVAILABLE when a table is locked; those of the database.
  absl::Status Decide(const SyncDraft& draft, SyncRecord* sync);

 private:
  // What is known of one stream; the steps below fill it in their order.
  struct Stream {
    const StreamRequest* request = nullptr;
    StreamRecord* record = nullptr;  // goes to the ledger: plan, changes, warnings
    postgres::InitialStatus status;
    postgres::TableHistory history;
  };

  static std::vector<StreamRecord*> RecordsOf(const std::vector<Stream>& streams);
  absl::Status LockTables(const std::vector<Stream>& streams);
  absl::Status Gather(std::vector<Stream>* streams);
  absl::Status DecideIsolated(const SyncRecord& sync, Stream* stream);
  absl::Status DecideStream(const SyncRecord& sync, Stream* stream);
  absl::Status Write(const std::vector<Stream>& streams, SyncRecord* sync);

  // --- the steps of DecideStream ---
  // What the ledger says of the table, as far as it still holds.
  absl::Status ReadHistory(Stream* stream);
  absl::Status DecideGeneration(Stream* stream);
  // The shape that the stream's tables get, and what changes for it in the table.
  absl::Status PlanSchema(Stream* stream);
  // Whether rows that are staged already are going to be published with those of the stream.
  absl::StatusOr<bool> PublishesStaged(const Stream& stream);
  // Whether what the stream loads takes the target's place.
  absl::StatusOr<bool> Replaces(const Stream& stream);

  // The generation below which a request is stale.
  absl::StatusOr<int64_t> NewestGeneration(const Stream& stream);

  const postgres::Ledger* const ledger_;
  postgres::Transaction* const transaction_;
  const DecisionOptions options_;
  ColumnNaming columns_;
};

}  // namespace syncline::write

// StartDecision: decides how each stream of a new sync starts, step by step, in the transaction
// that claims its table: what exists, whose table it is, which generation and loader, which shape.
//
// Used by one thread, within one transaction; the locks that it takes end with the transaction.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/generation.h"
#include "server/model/plan.h"
#include "server/postgres/initial_status.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/transaction.h"

namespace syncline::write {

// What a caller asks for one stream beside its plan.
struct StreamRequest {
  GenerationRequest generation;
};

// A sync as it is asked for: what the caller's request says, names mapped.
struct SyncDraft {
  // `sync_id`, `connection_id`, `request_digest`, `input_digest`, and in `streams` the plans
  // without generation and loader.
  SyncRecord sync;
  // One entry per stream.
  std::vector<StreamRequest> requests;
};

class StartDecision {
 public:
  // `ledger` and `transaction` outlive the decision.
  StartDecision(const postgres::Ledger* ledger, postgres::Transaction* transaction)
      : ledger_(ledger), transaction_(transaction) {}

  // Decides `draft` into `sync`, which is a copy of `draft.sync`, and writes it to the ledger.
  // Errors: FAILED_PRECONDITION STALE_GENERATION, TABLE_OWNED, TARGET_INCOMPATIBLE,
  // SCHEMA_INCOMPATIBLE; those of the database.
  absl::Status Decide(const SyncDraft& draft, SyncRecord* sync);

 private:
  // What is known of one stream; the steps below fill it in their order.
  struct Stream {
    const StreamRequest* request = nullptr;
    StreamRecord* record = nullptr;  // goes to the ledger: plan, changes, warnings
    postgres::InitialStatus status;
    postgres::TableHistory history;
  };

  absl::Status LockTables(const SyncRecord& sync);
  absl::Status Gather(std::vector<Stream>* streams);
  absl::Status DecideStream(const SyncRecord& sync, Stream* stream);

  // --- the steps of DecideStream ---
  // What the ledger says of the table, as far as it still holds.
  absl::Status ReadHistory(Stream* stream);
  absl::Status DecideGeneration(Stream* stream);
  // The shape that the stream's tables get, and what changes for it in the table.
  absl::Status PlanSchema(Stream* stream);

  // The generation below which a request is stale.
  absl::StatusOr<int64_t> NewestGeneration(const Stream& stream);

  const postgres::Ledger* const ledger_;
  postgres::Transaction* const transaction_;
};

}  // namespace syncline::write

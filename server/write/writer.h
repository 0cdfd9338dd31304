// Writer: starts syncs. Gathers what exists, decides generations, claims the tables in the ledger,
// picks each stream's loader and lets it make its tables.
//
// Blocking; safe from any thread and from any number of replicas: every decision is taken under the
// locks of the tables it is about.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/generation.h"
#include "server/model/plan.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// A sync as it is asked for: what the caller's request says, names mapped.
struct SyncDraft {
  // `sync_id`, `connection_id`, `request_digest`, and in `streams` the plans without generation and
  // loader.
  SyncRecord sync;
  // One entry a stream: which generation is asked for.
  std::vector<GenerationRequest> generations;
};

struct StartedSync {
  SyncRecord sync;
  bool resumed = false;  // the sync_id was known
};

class Writer {
 public:
  explicit Writer(const LoaderContext& context) : context_(context) {}

  // Starts or resumes. A sync whose start was interrupted is started on.
  // Errors: INVALID_ARGUMENT SYNC_ID_REUSED; FAILED_PRECONDITION STALE_GENERATION, TABLE_OWNED,
  // TARGET_INCOMPATIBLE, SCHEMA_INCOMPATIBLE; those of the database.
  absl::StatusOr<StartedSync> Start(const SyncDraft& draft);

  // Creates the schemas that `plans` load into.
  absl::Status CreateNamespaces(const std::vector<StreamPlan>& plans);

  std::unique_ptr<StreamLoader> LoaderFor(const StreamPlan& plan) const {
    return CreateStreamLoader(context_, plan);
  }

 private:
  // Finds the sync, or decides and inserts it, in one transaction.
  absl::StatusOr<StartedSync> Claim(const SyncDraft& draft);
  // What the ledger says of a table, as far as it still holds.
  absl::StatusOr<postgres::TableHistory> HistoryOf(postgres::Transaction& transaction,
                                                   const TableName& table,
                                                   const postgres::InitialStatus& status) const;
  // The generation below which a request is stale.
  absl::StatusOr<int64_t> NewestGeneration(postgres::Transaction& transaction,
                                           const StreamPlan& plan,
                                           const postgres::InitialStatus& status,
                                           const postgres::TableHistory& history) const;
  absl::Status Decide(postgres::Transaction& transaction, const SyncDraft& draft,
                      SyncRecord* sync) const;

  const LoaderContext context_;
};

}  // namespace syncline::write

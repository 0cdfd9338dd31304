// Writer: starts syncs. Claims their tables in the ledger, as StartDecision decides, and lets each
// stream's loader make its tables.
//
// Blocking; safe from any thread and from any number of replicas: every decision is taken under the
// locks of the tables it is about.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/plan.h"
#include "server/write/loaders/stream_loader.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

struct StartedSync {
  SyncRecord sync;
  bool resumed = false;  // the sync_id was known
};

class Writer {
 public:
  explicit Writer(const LoaderContext& context) : context_(context) {}

  // Starts or resumes. A sync whose start was interrupted is started on. With allow_partial a
  // stream that cannot start is kFailed and the others go on; a sync all of whose streams failed is
  // finished. Errors: INVALID_ARGUMENT SYNC_ID_REUSED, INPUT_CHANGED; FAILED_PRECONDITION
  // STALE_GENERATION, TABLE_OWNED, TARGET_INCOMPATIBLE, SCHEMA_INCOMPATIBLE; ABORTED
  // LOCK_NOT_AVAILABLE when a table stays locked; those of the database. A stream that is cancelled
  // while it starts answers that whatever error it met: FAILED_PRECONDITION SYNC_CANCELLED, ABORTED
  // SUPERSEDED.
  absl::StatusOr<StartedSync> Start(const SyncDraft& draft);

  // Creates the schemas that `plans` load into.
  absl::Status CreateNamespaces(const std::vector<StreamPlan>& plans);

  std::unique_ptr<StreamLoader> LoaderFor(const StreamPlan& plan) const {
    return CreateStreamLoader(context_, plan);
  }

  const LoaderContext& context() const { return context_; }

 private:
  // Finds the sync, or names its tables, then decides and inserts it.
  absl::StatusOr<StartedSync> Claim(const SyncDraft& draft);
  // The last two in one transaction; `named` has its tables.
  absl::StatusOr<StartedSync> Decide(const SyncDraft& named, bool isolated);
  // The sync, when there is one already, under the lock of its id.
  absl::StatusOr<std::optional<StartedSync>> Find(postgres::Transaction& transaction,
                                                  const SyncDraft& draft);
  // Makes the tables of every open stream; those that fail are noted as kFailed when they may.
  absl::Status StartStreams(bool allow_partial, SyncRecord* sync);
  // The error of a stream that is kCancelled, whatever its start met; nothing when it is not, or
  // when the ledger cannot be asked.
  std::optional<absl::Status> WhyCancelled(const StreamPlan& plan);
  absl::Status Fail(const SyncRecord& sync, const absl::Status& error, StreamRecord* stream);

  const LoaderContext context_;
};

}  // namespace syncline::write

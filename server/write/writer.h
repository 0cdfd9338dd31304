// Writer: starts syncs; it does not write records. Claims the tables of a sync in the ledger, as
// StartDecision decides, and lets each stream's loader create its tables.
//
// Blocking; safe from any thread and from any number of replicas, because every decision is made
// under the locks of the tables concerned.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/write/loaders/stream_loader.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

struct StartedSync {
  SyncEntry sync;
  bool resumed = false;  // the sync existed already
  // Other syncs whose streams it took over; some of them may have ended by that.
  std::vector<int64_t> superseded = {};
};

class Writer {
 public:
  explicit Writer(const LoaderContext& context) : context_(context) {}

  // Starts or resumes a sync; an interrupted start is resumed. With `draft.extend`, a sync that
  // exists is extended, and the entries of the draft's streams are returned, or it is finished if
  // the draft has no streams. With allow_partial a stream that cannot start is kFailed and the
  // others start; a sync whose streams have all failed is finished. Errors: UNAVAILABLE
  // START_IN_PROGRESS with RetryInfo if another call starts or cancels the same sync;
  // INVALID_ARGUMENT SYNC_ID_REUSED, INPUT_CHANGED, META_MISMATCH, PLAN_CHANGED; NOT_FOUND
  // UNKNOWN_SYNC if an unknown sync is to be finished; FAILED_PRECONDITION STREAM_COMPLETED,
  // STREAMS_OPEN, SYNC_CANCELLED of an extension; FAILED_PRECONDITION STALE_GENERATION,
  // TABLE_OWNED, SCHEMA_MISSING, TARGET_INCOMPATIBLE, SCHEMA_INCOMPATIBLE; ABORTED
  // LOCK_NOT_AVAILABLE if a table stays locked; those of the database. If a stream is cancelled
  // while it starts, that is the error, whatever else failed: FAILED_PRECONDITION SYNC_CANCELLED or
  // ABORTED SUPERSEDED.
  absl::StatusOr<StartedSync> Start(const SyncDraft& draft);

  // Returns how Start would start a new sync of the draft: tables, columns, generations, loaders,
  // changes and warnings, without numbers. Changes nothing. Errors: those of Start that depend on
  // the streams' tables.
  absl::StatusOr<SyncEntry> Preview(const SyncDraft& draft);

  // Creates the schemas into which `plans` load.
  absl::Status CreateNamespaces(const std::vector<StreamPlan>& plans);

  // Returns the loader that starts a stream of `plan`.
  std::unique_ptr<StreamLoader> LoaderFor(const StreamPlan& plan) const {
    return CreateStreamLoader(context_, plan);
  }

  // Returns the loader that completes a stream of `plan` as `request` specifies.
  std::unique_ptr<StreamLoader> CompletionLoader(const StreamPlan& plan,
                                                 const CompletionRequest& request) const {
    return CreateStreamLoader(ForCompletion(context_, MovesRows(plan, request)), plan);
  }

  // Returns the context for a check of what a completion would do.
  LoaderContext validation_context() const { return ForCompletion(context_, /*moves_rows=*/true); }

 private:
  // Finds the sync. Otherwise names its tables, then decides and inserts it.
  absl::StatusOr<StartedSync> Claim(const SyncDraft& draft);
  // Decides and inserts the sync in one transaction. `named` has its tables.
  absl::StatusOr<StartedSync> Decide(const SyncDraft& named, bool isolated);
  // Returns the sync if it exists, under the lock of its id. Errors: START_IN_PROGRESS if another
  // transaction has that lock.
  absl::StatusOr<std::optional<StartedSync>> Find(postgres::Transaction& transaction,
                                                  const SyncDraft& draft);
  // --- Extension of a sync (writer_extension.cc) ---
  absl::StatusOr<StartedSync> Extend(const SyncDraft& draft, StartedSync started);
  absl::StatusOr<StartedSync> FinishExtended(StartedSync started);
  // Starts the streams of `sync` that have no writer: the start of each may have been interrupted,
  // and if it was not, nothing changes.
  absl::Status StartUnstarted(bool allow_partial, SyncEntry* sync);
  // Changes the streams of `sync` that `draft` requests, too.
  absl::Status ChangeStreams(const SyncDraft& draft, SyncEntry* sync);
  // Adds the streams of `draft`, which `sync` does not have, to the ledger. Returns them.
  absl::StatusOr<StartedSync> AddStreams(SyncDraft draft, const SyncEntry& sync);
  absl::StatusOr<StartedSync> DecideAdded(const SyncDraft& named, const SyncEntry& sync,
                                          bool isolated);
  // Locks the sync's id. Errors: START_IN_PROGRESS if the sync is no longer as `sync` has it.
  absl::Status CheckUnchanged(postgres::Transaction& transaction, const SyncEntry& sync);
  // Changes the plan and the tables of a stream of `sync` as one draft of it requests, if it does.
  absl::Status Change(const SyncEntry& sync, const StreamEntry& draft, const StreamRequest& request,
                      StreamEntry* stream);
  enum class ChangeStep {
    kDone,
    kCopyFirst,  // only the columns are named: dropped columns leave no room for them (RenewTable)
  };
  // Names the columns of `changed`, makes the tables fit it and stores it, in a transaction of its
  // own, because readers of the target wait for it. `copied`: the target was renewed.
  absl::StatusOr<ChangeStep> ApplyChange(postgres::Transaction& transaction, const SyncEntry& sync,
                                         bool copied, StreamEntry* changed);
  // Creates the tables of every open stream. With `allow_partial`, streams that fail become
  // kFailed.
  absl::Status StartStreams(bool allow_partial, SyncEntry* sync);
  // Drops the defaults of `_airbyte_meta` that earlier appends have left in the tables of the
  // streams that are not in `started`.
  absl::Status DropLeftDefaults(const SyncEntry& sync, const std::set<const StreamEntry*>& started);
  // Ends the start of the sync in the ledger, and sets its state.
  absl::Status MarkRunning(SyncEntry* sync);
  // Returns the error of a kCancelled stream, which replaces any other error of its start. Returns
  // nullopt if the stream is not cancelled or if the ledger cannot be read.
  std::optional<absl::Status> GetCancellationError(const StreamPlan& plan);
  absl::Status Fail(const SyncEntry& sync, const absl::Status& error, StreamEntry* stream);

  const LoaderContext context_;
};

}  // namespace syncline::write

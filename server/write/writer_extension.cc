// Writer: adds streams to a sync that runs, changes the plans of its streams, and finishes it.
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "server/model/evolution_plan.h"
#include "server/postgres/connection/durable_commit.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/ledger/take_over.h"
#include "server/write/decision_options.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/meta_defaults.h"
#include "server/write/plan_merge.h"
#include "server/write/start_decision.h"
#include "server/write/stream_naming.h"
#include "server/write/table_evolution.h"
#include "server/write/table_renewal.h"
#include "server/write/write_errors.h"
#include "server/write/writer.h"

namespace syncline::write {
namespace {

StreamEntry* FindStream(std::vector<StreamEntry>* streams, const StreamDescriptor& descriptor) {
  const auto found = std::find_if(streams->begin(), streams->end(), [&](const StreamEntry& stream) {
    return stream.plan.descriptor == descriptor;
  });
  return found == streams->end() ? nullptr : &*found;
}

bool IsLive(StreamState state) {
  return state == StreamState::kOpen || state == StreamState::kFinalizing;
}

// Returns the streams of `draft` that `sync` does not have, as a draft for the same sync.
SyncDraft SelectAdded(const SyncDraft& draft, SyncEntry* sync) {
  SyncDraft added = draft;
  added.sync = *sync;
  added.sync.streams.clear();
  added.requests.clear();
  for (size_t i = 0; i < draft.requests.size(); ++i) {
    const StreamEntry& stream = draft.sync.streams[i];
    if (FindStream(&sync->streams, stream.plan.descriptor) != nullptr) continue;
    added.sync.streams.push_back(stream);
    added.requests.push_back(draft.requests[i]);
  }
  return added;
}

// Returns whether a column of `from` has another type in `to`, which has more columns at its end.
bool ChangesTypes(const TableSchema& from, const TableSchema& to) {
  return !std::equal(from.columns.begin(), from.columns.end(), to.columns.begin(),
                     [](const ColumnSchema& left, const ColumnSchema& right) {
                       return left.type == right.type &&
                              GetTableType(left) == GetTableType(right) &&
                              left.stored_type == right.stored_type;
                     });
}

// A stream of the sync must not take over the table of another one.
absl::Status CheckTables(const SyncDraft& named, const SyncEntry& sync) {
  for (const StreamEntry& stream : named.sync.streams) {
    if (stream.state == StreamState::kFailed) continue;
    for (const StreamEntry& known : sync.streams) {
      if (IsLive(known.state) && known.plan.table == stream.plan.table) {
        return TableNamedTwice(stream.plan.table);
      }
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StartedSync> Writer::Extend(const SyncDraft& draft, StartedSync started) {
  SyncEntry& sync = started.sync;
  if (sync.state == SyncState::kCancelled) return postgres::SyncCancelled();
  if (draft.sync.streams.empty()) return FinishExtended(std::move(started));
  SYNCLINE_RETURN_IF_ERROR(ChangeStreams(draft, &sync));
  const SyncDraft added = SelectAdded(draft, &sync);
  if (!added.requests.empty()) {
    if (sync.state == SyncState::kFinished) return postgres::StreamCompleted();
    SYNCLINE_ASSIGN_OR_RETURN(StartedSync more, AddStreams(added, sync));
    started.superseded = std::move(more.superseded);
    for (StreamEntry& stream : more.sync.streams) sync.streams.push_back(std::move(stream));
  }
  // From here on, the streams of the request in its order.
  std::vector<StreamEntry> requested;
  for (const StreamEntry& stream : draft.sync.streams) {
    requested.push_back(*FindStream(&sync.streams, stream.plan.descriptor));
  }
  sync.streams = std::move(requested);
  SYNCLINE_RETURN_IF_ERROR(StartUnstarted(draft.allow_partial, &sync));
  return started;
}

absl::Status Writer::StartUnstarted(bool allow_partial, SyncEntry* sync) {
  SyncEntry unstarted = *sync;
  unstarted.streams.clear();
  std::vector<StreamEntry*> originals;
  for (StreamEntry& stream : sync->streams) {
    if (!stream.writers.empty()) continue;
    originals.push_back(&stream);
    unstarted.streams.push_back(stream);
  }
  SYNCLINE_RETURN_IF_ERROR(StartStreams(allow_partial, &unstarted));
  for (size_t i = 0; i < originals.size(); ++i) *originals[i] = std::move(unstarted.streams[i]);
  return absl::OkStatus();
}

absl::Status Writer::ChangeStreams(const SyncDraft& draft, SyncEntry* sync) {
  for (size_t i = 0; i < draft.requests.size(); ++i) {
    const StreamEntry& requested = draft.sync.streams[i];
    StreamEntry* const known = FindStream(&sync->streams, requested.plan.descriptor);
    if (known == nullptr) continue;
    // The request for the stream is not valid, but the stream that has started is.
    if (requested.state == StreamState::kFailed) return requested.error;
    SYNCLINE_RETURN_IF_ERROR(Change(*sync, requested, draft.requests[i], known));
  }
  return absl::OkStatus();
}

absl::StatusOr<StartedSync> Writer::FinishExtended(StartedSync started) {
  SyncEntry& sync = started.sync;
  std::vector<std::string> open;
  for (const StreamEntry& stream : sync.streams) {
    if (IsLive(stream.state)) open.push_back(stream.plan.descriptor.name);
  }
  if (!open.empty()) return StreamsOpen(sync.sync_id, open);
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(context_.ledger->EndExtensions(transaction, sync.sync_no));
        SYNCLINE_ASSIGN_OR_RETURN(sync.state,
                                  context_.ledger->GetSyncState(transaction, sync.sync_no));
        return absl::OkStatus();
      }));
  // A stream was added meanwhile, which the repeated request sees.
  if (sync.state == SyncState::kRunning) return StartInProgress(sync.sync_id);
  sync.streams.clear();
  return started;
}

absl::StatusOr<StartedSync> Writer::AddStreams(SyncDraft draft, const SyncEntry& sync) {
  if (sync.streams.size() + draft.requests.size() > static_cast<size_t>(draft.max_streams)) {
    return TooManyStreamsOfSync(draft.max_streams);
  }
  const SyncDraft unnamed = draft;
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        draft = unnamed;
        return NameTables(transaction, *context_.ledger, &draft);
      }));
  SYNCLINE_RETURN_IF_ERROR(CheckTables(draft, sync));
  absl::StatusOr<StartedSync> decided = DecideAdded(draft, sync, /*isolated=*/false);
  if (draft.allow_partial && !decided.ok() && ConcernsOneStream(decided.status())) {
    decided = DecideAdded(draft, sync, /*isolated=*/true);
  }
  return decided;
}

absl::StatusOr<StartedSync> Writer::DecideAdded(const SyncDraft& named, const SyncEntry& sync,
                                                bool isolated) {
  DecisionOptions options = MakeDecisionOptions(context_, named);
  options.isolated = isolated;
  options.known_streams = static_cast<int64_t>(sync.streams.size());
  StartedSync added;
  SYNCLINE_RETURN_IF_ERROR(
      postgres::TransactUnderPolicy(*context_.database, options.locks, GetTableLocks(named),
                                    [&](postgres::Transaction& transaction) -> absl::Status {
                                      added = {named.sync, /*resumed=*/true};
                                      SYNCLINE_RETURN_IF_ERROR(CheckUnchanged(transaction, sync));
                                      return StartDecision(context_.ledger, &transaction, options)
                                          .Decide(named, &added.sync, &added.superseded);
                                    }));
  return added;
}

absl::Status Writer::CheckUnchanged(postgres::Transaction& transaction, const SyncEntry& sync) {
  SYNCLINE_ASSIGN_OR_RETURN(
      const bool locked,
      context_.ledger->TryLock(transaction, absl::StrCat("sync/", sync.sync_id)));
  if (!locked) return StartInProgress(sync.sync_id);
  SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry now,
                            context_.ledger->GetSummary(transaction, sync.sync_id));
  if (now.state == SyncState::kCancelled) return postgres::SyncCancelled();
  // Another extension was faster. The caller sends the request again, which then sees its streams.
  const bool same = now.state == SyncState::kRunning && now.streams.size() == sync.streams.size();
  return same ? absl::OkStatus() : StartInProgress(sync.sync_id);
}

absl::Status Writer::Change(const SyncEntry& sync, const StreamEntry& draft,
                            const StreamRequest& request, StreamEntry* stream) {
  if (stream->state == StreamState::kFailed) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(const std::optional<StreamEntry> merged,
                            MergePlan(*stream, draft, request));
  if (!merged.has_value()) return absl::OkStatus();
  if (const auto cancelled = GetCancellationError(stream->plan); cancelled.has_value()) {
    return *cancelled;
  }
  const StreamPlan& plan = stream->plan;
  StreamEntry changed;
  ChangeStep step = ChangeStep::kDone;
  const auto attempt = [&](bool copied) {
    return postgres::TransactAgainstReaders(
        *context_.database, context_.locks,
        {.tables = {plan.table},
         .need = postgres::LockNeed::kReferenced,
         .keys = {TableLockKey(plan.table)},
         .staging = {plan.temp_table}},
        [&](postgres::Transaction& transaction) -> absl::Status {
          changed = *merged;
          SYNCLINE_ASSIGN_OR_RETURN(step, ApplyChange(transaction, sync, copied, &changed));
          return absl::OkStatus();
        });
  };
  SYNCLINE_RETURN_IF_ERROR(attempt(/*copied=*/false));
  if (step == ChangeStep::kCopyFirst) {
    SYNCLINE_RETURN_IF_ERROR(RenewTable(context_, changed));
    SYNCLINE_RETURN_IF_ERROR(attempt(/*copied=*/true));
  }
  // The new plan is acknowledged.
  SYNCLINE_RETURN_IF_ERROR(context_.database->Transact(postgres::MakeReadsDurable));
  *stream = std::move(changed);
  return absl::OkStatus();
}

absl::StatusOr<Writer::ChangeStep> Writer::ApplyChange(postgres::Transaction& transaction,
                                                       const SyncEntry& sync, bool copied,
                                                       StreamEntry* changed) {
  StreamPlan& plan = changed->plan;
  SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context_.locks));
  SYNCLINE_RETURN_IF_ERROR(context_.ledger->Lock(transaction, TableLockKey(plan.table)));
  SYNCLINE_ASSIGN_OR_RETURN(const StreamEntry stored,
                            context_.ledger->LockStream(transaction, plan.stream_no));
  if (stored.state == StreamState::kCancelled) {
    return postgres::GetCancellationError(transaction, *context_.ledger, plan);
  }
  if (stored.state != StreamState::kOpen) return postgres::StreamCompleted();
  if (stored.plan.version != plan.version) return StartInProgress(sync.sync_id);
  StartDecision decision(context_.ledger, &transaction, MakeDecisionOptions(context_, SyncDraft()));
  SYNCLINE_ASSIGN_OR_RETURN(const postgres::InitialStatus status, decision.DecideChange(changed));
  // A replace changes the target only when it is published.
  const bool changes_target =
      !IsTruncate(plan.loader) && (status.real.exists || plan.loader == LoaderKind::kAppend);
  if (changes_target && !copied && NeedsCopy(changed->changes)) return ChangeStep::kCopyFirst;
  if (StagesRows(plan.loader)) {
    SYNCLINE_RETURN_IF_ERROR(MakeStaging(transaction, *context_.ledger, plan, status.temp.exists));
  }
  if (changes_target) {
    SYNCLINE_RETURN_IF_ERROR(MakeTarget(transaction, *context_.ledger, plan, status.real.exists,
                                        postgres::CastFailure::kRefuse)
                                 .status());
  }
  // The user has dropped the target, and it was made again.
  if (changes_target && !status.real.exists) {
    plan.meta_default = !GetMetaDefault(plan).empty();
    SYNCLINE_RETURN_IF_ERROR(postgres::NoteStaging(transaction, *context_.ledger, {changed}));
  }
  // Open calls stay valid, unless they encode a column in a form that it no longer has.
  if (ChangesTypes(stored.plan.schema, plan.schema)) {
    SYNCLINE_RETURN_IF_ERROR(context_.ledger->WithdrawClaims(transaction, plan.stream_no));
  }
  SYNCLINE_RETURN_IF_ERROR(context_.ledger->ChangePlan(transaction, changed));
  return ChangeStep::kDone;
}

}  // namespace syncline::write

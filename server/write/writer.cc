#include "server/write/writer.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/postgres/connection/durable_commit.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/take_over.h"
#include "server/postgres/table/table_operations.h"
#include "server/write/decision_options.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/loaders/new_table_start.h"
#include "server/write/meta_defaults.h"
#include "server/write/placement_decision.h"
#include "server/write/start_decision.h"
#include "server/write/stream_naming.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

void LogFailure(const SyncEntry& sync, const StreamPlan& plan, const absl::Status& error) {
  Log(LogLevel::kWarning, "stream_failed")
      .Field("sync_id", sync.sync_id)
      .Field("namespace", plan.descriptor.name_space)
      .Field("stream", plan.descriptor.name)
      .Error(error);
}

}  // namespace

absl::StatusOr<StartedSync> Writer::Start(const SyncDraft& draft) {
  SYNCLINE_ASSIGN_OR_RETURN(StartedSync started, Claim(draft));
  SyncEntry& sync = started.sync;
  if (started.resumed) {
    RestoreDistributions(draft, context_.distribute_new_tables, &sync);
  } else {
    for (const StreamEntry& stream : sync.streams) {
      if (stream.state == StreamState::kFailed) LogFailure(sync, stream.plan, stream.error);
    }
  }
  if (sync.state == SyncState::kStarting) {
    SYNCLINE_RETURN_IF_ERROR(StartStreams(draft.allow_partial, &sync));
    SYNCLINE_RETURN_IF_ERROR(MarkRunning(&sync));
  }
  if (started.resumed && draft.extend) return Extend(draft, std::move(started));
  return started;
}

absl::Status Writer::MarkRunning(SyncEntry* sync) {
  return context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
    SYNCLINE_RETURN_IF_ERROR(context_.ledger->MarkRunning(transaction, sync->sync_no));
    SYNCLINE_ASSIGN_OR_RETURN(sync->state,
                              context_.ledger->GetSyncState(transaction, sync->sync_no));
    return absl::OkStatus();
  });
}

absl::Status Writer::StartStreams(bool allow_partial, SyncEntry* sync) {
  std::map<std::string, absl::Status> schemas;
  std::vector<StreamEntry*> with_new_tables;
  for (StreamEntry& stream : sync->streams) {
    if (stream.state != StreamState::kOpen) continue;
    const auto [made, is_new] = schemas.try_emplace(stream.plan.table.schema);
    if (is_new) made->second = CreateNamespaces({stream.plan});
    if (made->second.ok() && CreatesTarget(stream)) with_new_tables.push_back(&stream);
  }
  const std::set<const StreamEntry*> started = StartNewTables(context_, with_new_tables);
  SYNCLINE_RETURN_IF_ERROR(DropLeftDefaults(*sync, started));
  for (StreamEntry& stream : sync->streams) {
    if (stream.state != StreamState::kOpen || started.count(&stream) > 0) continue;
    absl::Status status = schemas.at(stream.plan.table.schema);
    if (status.ok()) status = LoaderFor(stream.plan)->Start(&stream);
    if (status.ok()) continue;
    if (const auto cancelled = GetCancellationError(stream.plan); cancelled.has_value()) {
      LogFailure(*sync, stream.plan, status);
      if (!allow_partial) return *cancelled;
      stream.state = StreamState::kCancelled;
      continue;
    }
    if (!allow_partial || !ConcernsOneStream(status)) return status;
    SYNCLINE_RETURN_IF_ERROR(Fail(*sync, status, &stream));
  }
  return absl::OkStatus();
}

absl::Status Writer::DropLeftDefaults(const SyncEntry& sync,
                                      const std::set<const StreamEntry*>& started) {
  std::set<TableName> tables;
  for (const StreamEntry& stream : sync.streams) {
    if (stream.state != StreamState::kOpen || started.count(&stream) > 0) continue;
    tables.insert(stream.plan.table);
  }
  if (tables.empty()) return absl::OkStatus();
  return DropLeftMetaDefaults(*context_.database, *context_.ledger, context_.locks, &tables);
}

std::optional<absl::Status> Writer::GetCancellationError(const StreamPlan& plan) {
  std::optional<absl::Status> cause;
  const absl::Status asked =
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        cause.reset();
        SYNCLINE_ASSIGN_OR_RETURN(const StreamState state,
                                  context_.ledger->GetStreamState(transaction, plan.stream_no));
        if (state != StreamState::kCancelled) return absl::OkStatus();
        cause = postgres::GetCancellationError(transaction, *context_.ledger, plan);
        return absl::OkStatus();
      });
  return asked.ok() ? cause : std::nullopt;
}

absl::Status Writer::CreateNamespaces(const std::vector<StreamPlan>& plans) {
  std::set<std::string> schemas;
  for (const StreamPlan& plan : plans) schemas.insert(plan.table.schema);
  for (const std::string& schema : schemas) {
    SYNCLINE_RETURN_IF_ERROR(context_.database->Transact([&](postgres::Transaction& transaction) {
      return postgres::CreateNamespace(transaction, schema);
    }));
  }
  return absl::OkStatus();
}

absl::Status Writer::Fail(const SyncEntry& sync, const absl::Status& error, StreamEntry* stream) {
  stream->state = StreamState::kFailed;
  stream->error = error;
  LogFailure(sync, stream->plan, error);
  return context_.database->Transact([&](postgres::Transaction& transaction) {
    return context_.ledger->FailStream(transaction, *stream);
  });
}

absl::StatusOr<StartedSync> Writer::Claim(const SyncDraft& draft) {
  std::optional<StartedSync> known;
  SyncDraft named;
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(known, Find(transaction, draft));
        if (known.has_value()) return absl::OkStatus();
        // Only a sync that exists can be finished.
        if (draft.sync.streams.empty()) return UnknownSync(draft.sync.sync_id);
        named = draft;
        return NameTables(transaction, *context_.ledger, &named);
      }));
  if (known.has_value()) return *std::move(known);
  absl::StatusOr<StartedSync> decided = Decide(named, /*isolated=*/false);
  // A second attempt with savepoints finds the streams that fail; most syncs do not need it.
  if (draft.allow_partial && !decided.ok() && ConcernsOneStream(decided.status())) {
    decided = Decide(named, /*isolated=*/true);
  }
  return decided;
}

absl::StatusOr<SyncEntry> Writer::Preview(const SyncDraft& draft) {
  DecisionOptions options = MakeDecisionOptions(context_, draft);
  options.isolated = draft.allow_partial;
  options.preview = true;
  postgres::TableLocks locks;  // known once the tables are named
  SyncEntry preview;
  SYNCLINE_RETURN_IF_ERROR(postgres::TransactUnderPolicy(
      *context_.database, options.locks, locks,
      [&](postgres::Transaction& transaction) -> absl::Status {
        SyncDraft named = draft;
        SYNCLINE_RETURN_IF_ERROR(transaction.Execute("SAVEPOINT preview"));
        SYNCLINE_RETURN_IF_ERROR(NameTables(transaction, *context_.ledger, &named));
        locks = GetTableLocks(named);
        preview = named.sync;
        std::vector<int64_t> superseded;
        SYNCLINE_RETURN_IF_ERROR(StartDecision(context_.ledger, &transaction, options)
                                     .Decide(named, &preview, &superseded));
        return transaction.Execute("ROLLBACK TO SAVEPOINT preview");
      }));
  return preview;
}

absl::StatusOr<StartedSync> Writer::Decide(const SyncDraft& named, bool isolated) {
  DecisionOptions options = MakeDecisionOptions(context_, named);
  options.isolated = isolated;
  std::optional<StartedSync> started;
  SYNCLINE_RETURN_IF_ERROR(
      postgres::TransactUnderPolicy(*context_.database, options.locks, GetTableLocks(named),
                                    [&](postgres::Transaction& transaction) -> absl::Status {
                                      SYNCLINE_ASSIGN_OR_RETURN(started, Find(transaction, named));
                                      if (started.has_value()) return absl::OkStatus();
                                      started = {named.sync, /*resumed=*/false};
                                      return StartDecision(context_.ledger, &transaction, options)
                                          .Decide(named, &started->sync, &started->superseded);
                                    }));
  return *std::move(started);
}

absl::StatusOr<std::optional<StartedSync>> Writer::Find(postgres::Transaction& transaction,
                                                        const SyncDraft& draft) {
  const std::string& sync_id = draft.sync.sync_id;
  SYNCLINE_ASSIGN_OR_RETURN(const bool locked,
                            context_.ledger->TryLock(transaction, absl::StrCat("sync/", sync_id)));
  if (!locked) return StartInProgress(sync_id);
  SYNCLINE_ASSIGN_OR_RETURN(std::optional<SyncEntry> known,
                            context_.ledger->FindSync(transaction, sync_id));
  if (!known.has_value()) return std::optional<StartedSync>();
  const bool foreign =
      !known->owner.empty() && !draft.sync.owner.empty() && known->owner != draft.sync.owner;
  // An extension lists only what it adds or changes.
  const bool extensible = known->extensible || known->state == SyncState::kFinished;
  const bool same = draft.extend ? extensible && known->connection_id == draft.sync.connection_id
                                 : known->request_digest == draft.sync.request_digest;
  if (foreign || !same) return SyncIdReused(sync_id);
  // The plan has the durable offsets.
  SYNCLINE_RETURN_IF_ERROR(postgres::MakeReadsDurable(transaction));
  const std::string& digest = draft.sync.input_digest;
  if (!draft.extend && !digest.empty() && digest != known->input_digest) {
    if (!known->input_digest.empty()) return InputChanged(sync_id);
    SYNCLINE_RETURN_IF_ERROR(
        context_.ledger->StoreInputDigest(transaction, known->sync_no, digest));
  }
  return std::optional<StartedSync>({*std::move(known), /*resumed=*/true});
}

}  // namespace syncline::write

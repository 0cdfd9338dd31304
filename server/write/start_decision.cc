#include "server/write/start_decision.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/model/staging_decision.h"
#include "server/postgres/connection/lock_timeout.h"
#include "server/postgres/ledger/ledger_errors.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/table/table_operations.h"
#include "server/postgres/table/table_shape.h"
#include "server/write/loaders/loader_steps.h"
#include "server/write/loaders/staging_start.h"
#include "server/write/loaders/stream_loader.h"
#include "server/write/placement_decision.h"
#include "server/write/replace_decision.h"
#include "server/write/table_evolution.h"
#include "server/write/table_identity.h"
#include "server/write/table_renewal.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

// Longest wait for a row of the ledger, such as that of a writer whose commit is in progress. The
// transaction holds one of a few connections and the names of its tables, so it must not wait long.
constexpr absl::Duration kLedgerLockTimeout = absl::Seconds(5);

constexpr char kStagingPublished[] = "STAGING_PUBLISHED";

Warning TableMissing(const TableName& table) {
  return {reason::kTableMissing,
          absl::StrCat("the table ", table.ToString(),
                       ", which earlier syncs loaded, was dropped or renamed; "
                       "it is created again, empty")};
}

Warning StagingPublished(const TableName& staging, const std::string& publications) {
  return {kStagingPublished,
          absl::StrCat("the staging table ", staging.ToString(), " is published, too, by ",
                       publications,
                       ": a subscription that does not have it stops at its rows; publish tables "
                       "by name or by their schema instead of FOR ALL TABLES")};
}

void LogAdopted(const std::vector<TableName>& tables, absl::string_view schema) {
  for (const TableName& table : tables) {
    Log(LogLevel::kInfo, "staging_adopted")
        .Field("table", table.ToString())
        .Field("schema", schema);
  }
}

void LogPublished(const std::vector<StreamEntry>& streams) {
  for (const StreamEntry& stream : streams) {
    for (const Warning& warning : stream.warnings) {
      if (warning.code != kStagingPublished) continue;
      Log(LogLevel::kWarning, "staging_published")
          .Field("table", stream.plan.table.ToString())
          .Field("what", warning.text);
    }
  }
}

}  // namespace

absl::Status StartDecision::Decide(const SyncDraft& draft, SyncEntry* sync,
                                   std::vector<int64_t>* superseded) {
  std::vector<Stream> streams;
  for (size_t i = 0; i < sync->streams.size(); ++i) {
    StreamEntry& record = sync->streams[i];
    if (record.state == StreamState::kFailed) continue;
    Stream& stream = streams.emplace_back();
    stream.request = &draft.requests[i];
    stream.record = &record;
  }
  // Lock the tables' names, then read facts and decide with bounded waits for locks.
  SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(*transaction_, options_.locks));
  SYNCLINE_RETURN_IF_ERROR(LockTables(streams));
  SYNCLINE_RETURN_IF_ERROR(AdoptStaging(&streams));
  SYNCLINE_RETURN_IF_ERROR(columns_.Name(RecordsOf(streams)));
  if (!options_.isolated) SYNCLINE_RETURN_IF_ERROR(Gather(&streams));
  for (Stream& stream : streams) {
    SYNCLINE_RETURN_IF_ERROR(options_.isolated ? DecideIsolated(*sync, &stream)
                                               : DecideStream(*sync, &stream));
  }
  if (options_.preview) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(transaction_->Execute(postgres::SetLockTimeoutSql(kLedgerLockTimeout)));
  return Write(streams, sync, superseded);
}

absl::StatusOr<postgres::InitialStatus> StartDecision::DecideChange(StreamEntry* stream) {
  std::vector<Stream> streams(1);
  streams.front().record = stream;
  SYNCLINE_RETURN_IF_ERROR(columns_.Name({stream}));
  SYNCLINE_RETURN_IF_ERROR(Gather(&streams));
  const std::vector<SchemaChange> before = std::exchange(stream->changes, {});
  SYNCLINE_RETURN_IF_ERROR(PlanSchema(&streams.front()));
  SYNCLINE_RETURN_IF_ERROR(CheckPlacedChanges(streams.front().status.real, *stream));
  // Changes that were planned and not made yet are planned again.
  std::vector<SchemaChange> planned = std::exchange(stream->changes, before);
  for (SchemaChange& change : planned) {
    const bool known = std::any_of(before.begin(), before.end(), [&](const SchemaChange& other) {
      return other.kind == change.kind && other.column == change.column &&
             other.from == change.from && other.to == change.to;
    });
    if (!known) stream->changes.push_back(std::move(change));
  }
  SYNCLINE_RETURN_IF_ERROR(columns_.Write({stream}));
  return streams.front().status;
}

std::vector<StreamEntry*> StartDecision::RecordsOf(const std::vector<Stream>& streams) {
  std::vector<StreamEntry*> records;
  records.reserve(streams.size());
  for (const Stream& stream : streams) records.push_back(stream.record);
  return records;
}

absl::Status StartDecision::LockTables(const std::vector<Stream>& streams) {
  // Locked in one order, so that two syncs of the same tables cannot deadlock.
  std::set<std::string> locks;
  for (const Stream& stream : streams) {
    locks.insert(TableLockKey(stream.record->plan.table));
  }
  return ledger_->LockAll(*transaction_, {locks.begin(), locks.end()});
}

absl::Status StartDecision::AdoptStaging(std::vector<Stream>* streams) {
  const auto old_place = [](const StreamPlan& plan) {
    return TableName{plan.table.schema, plan.temp_table.name};
  };
  std::vector<TableName> places;
  for (const Stream& stream : *streams) places.push_back(old_place(stream.record->plan));
  SYNCLINE_ASSIGN_OR_RETURN(const std::set<TableName> found,
                            postgres::FindOldStaging(*transaction_, places));
  if (found.empty()) return absl::OkStatus();
  for (const Stream& stream : *streams) {
    const StreamPlan& plan = stream.record->plan;
    if (found.count(old_place(plan)) == 0) continue;
    const auto adopt = [&]() -> absl::Status {
      SYNCLINE_RETURN_IF_ERROR(ReadStagingSchema());
      SYNCLINE_ASSIGN_OR_RETURN(
          const bool moved,
          postgres::AdoptStaging(*transaction_, old_place(plan), plan.temp_table));
      if (moved) adopted_.push_back(old_place(plan));
      return absl::OkStatus();
    };
    SYNCLINE_RETURN_IF_ERROR(options_.isolated ? Isolate(stream.record, adopt) : adopt());
  }
  streams->erase(std::remove_if(streams->begin(), streams->end(),
                                [](const Stream& stream) {
                                  return stream.record->state == StreamState::kFailed;
                                }),
                 streams->end());
  return absl::OkStatus();
}

absl::Status StartDecision::Gather(std::vector<Stream>* streams) {
  std::vector<TableName> targets;
  for (const Stream& stream : *streams) targets.push_back(stream.record->plan.table);
  SYNCLINE_ASSIGN_OR_RETURN(std::vector<postgres::TableHistory> histories,
                            ledger_->GetTableHistories(*transaction_, targets));
  std::vector<postgres::StreamTables> tables;
  for (size_t i = 0; i < streams->size(); ++i) {
    const StreamPlan& plan = (*streams)[i].record->plan;
    tables.push_back({plan.table, plan.temp_table, plan.schema.meta, histories[i].meta});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::InitialStatus> statuses,
                            postgres::GatherInitialStatus(*transaction_, tables));
  for (size_t i = 0; i < streams->size(); ++i) {
    (*streams)[i].status = statuses[i];
    (*streams)[i].history = std::move(histories[i]);
  }
  return absl::OkStatus();
}

absl::Status StartDecision::Isolate(StreamEntry* record, absl::FunctionRef<absl::Status()> step) {
  SYNCLINE_RETURN_IF_ERROR(transaction_->Execute("SAVEPOINT stream"));
  const StreamEntry undecided = *record;
  const absl::Status status = step();
  if (status.ok()) return transaction_->Execute("RELEASE SAVEPOINT stream");
  if (!ConcernsOneStream(status)) return status;
  *record = undecided;
  record->state = StreamState::kFailed;
  record->error = status;
  return transaction_->Execute("ROLLBACK TO SAVEPOINT stream; RELEASE SAVEPOINT stream");
}

absl::Status StartDecision::DecideIsolated(const SyncEntry& sync, Stream* stream) {
  return Isolate(stream->record, [&]() -> absl::Status {
    std::vector<Stream> alone = {*stream};
    const absl::Status status = Gather(&alone);
    *stream = std::move(alone.front());
    return status.ok() ? DecideStream(sync, stream) : status;
  });
}

absl::Status StartDecision::Write(const std::vector<Stream>& streams, SyncEntry* sync,
                                  std::vector<int64_t>* superseded) {
  SYNCLINE_RETURN_IF_ERROR(columns_.Write(RecordsOf(streams)));
  std::vector<StreamPlan> opened;
  std::vector<TableName> dropped;
  bool takes_over = false;
  for (const Stream& stream : streams) {
    if (stream.record->state != StreamState::kOpen) continue;
    opened.push_back(stream.record->plan);
    if (stream.dropped) dropped.push_back(stream.record->plan.table);
    takes_over = takes_over || stream.dropped || stream.history.live;
  }
  // Rows of other syncs are locked in the ledger's order (row_locks.h), of which inserting the sync
  // is a part, because it updates generations.
  if (takes_over) {
    SYNCLINE_ASSIGN_OR_RETURN(*superseded,
                              ledger_->SupersedeStreams(*transaction_, opened, dropped));
  }
  if (sync->sync_no == 0) {
    SYNCLINE_RETURN_IF_ERROR(ledger_->InsertSync(*transaction_, sync));
  } else {
    SYNCLINE_RETURN_IF_ERROR(AddToSync(*superseded, sync));
  }
  LogAdopted(adopted_, ledger_->schema());
  LogPublished(sync->streams);
  // The caller of an extensible sync that has lost its last stream may be gone, and would leave it
  // open.
  return ledger_->FinishSyncs(*transaction_, *superseded, /*also_extensible=*/true);
}

absl::Status StartDecision::AddToSync(const std::vector<int64_t>& superseded, SyncEntry* sync) {
  SYNCLINE_RETURN_IF_ERROR(ledger_->AddStreams(*transaction_, options_.known_streams, sync));
  // A newer sync that has taken over the last open stream may have ended the sync meanwhile.
  SYNCLINE_ASSIGN_OR_RETURN(const SyncState state,
                            ledger_->LockExtended(*transaction_, sync->sync_no, superseded));
  if (state == SyncState::kCancelled) return postgres::SyncCancelled();
  return state == SyncState::kRunning ? absl::OkStatus() : StartInProgress(sync->sync_id);
}

absl::Status StartDecision::CheckNamespace(const Stream& stream) {
  if (!options_.existing_schemas_only || stream.status.real.exists) return absl::OkStatus();
  const std::string& schema = stream.record->plan.table.schema;
  SYNCLINE_ASSIGN_OR_RETURN(const bool exists, postgres::NamespaceExists(*transaction_, schema));
  return exists ? absl::OkStatus() : SchemaMissing(schema);
}

absl::Status StartDecision::DecideStream(const SyncEntry& sync, Stream* stream) {
  SYNCLINE_RETURN_IF_ERROR(CheckNamespace(*stream));
  SYNCLINE_RETURN_IF_ERROR(AdjustHistory(stream));
  const std::string& owner = stream->history.connection_id;
  if (!owner.empty() && owner != sync.connection_id) {
    return TableOwned(stream->record->plan.table);
  }
  SYNCLINE_RETURN_IF_ERROR(CheckMeta(*stream));
  SYNCLINE_RETURN_IF_ERROR(DecideGeneration(stream));
  SYNCLINE_RETURN_IF_ERROR(DecidePlacement(*transaction_, options_.distribute_new_tables,
                                           stream->status, &stream->record->plan));
  if (options_.preview) DescribePlacement(stream->status, &stream->record->plan);
  SYNCLINE_RETURN_IF_ERROR(PlanSchema(stream));
  SYNCLINE_RETURN_IF_ERROR(CheckPlacedChanges(stream->status.real, *stream->record));
  return CheckStaging(stream->record);
}

absl::Status StartDecision::CheckStaging(StreamEntry* record) {
  if (!StagesRows(record->plan.loader) && !NeedsCopy(record->changes)) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(ReadStagingSchema());
  const std::string& publications = staging_schema_->publications;
  if (!publications.empty()) {
    record->warnings.push_back(StagingPublished(record->plan.temp_table, publications));
  }
  return absl::OkStatus();
}

absl::Status StartDecision::ReadStagingSchema() {
  if (staging_schema_.has_value()) return absl::OkStatus();
  SYNCLINE_ASSIGN_OR_RETURN(staging_schema_,
                            postgres::ReadStagingSchema(*transaction_, ledger_->schema()));
  return absl::OkStatus();
}

absl::Status StartDecision::CheckMeta(const Stream& stream) {
  const StreamPlan& plan = stream.record->plan;
  const TableMeta recorded = stream.history.meta.value_or(plan.schema.meta);
  const bool starts_anew = !stream.status.temp.exists && !stream.history.live;
  if (recorded == plan.schema.meta || stream.status.real.exists || starts_anew) {
    return absl::OkStatus();
  }
  return postgres::MetaMismatch(plan.table,
                                absl::StrCat("is being loaded with meta ", ToText(recorded)));
}

absl::Status StartDecision::AdjustHistory(Stream* stream) {
  const TableName& table = stream->record->plan.table;
  postgres::TableHistory& history = stream->history;
  if (stream->status.real.exists) return absl::OkStatus();
  if (history.loaded_generation.has_value()) {
    stream->record->warnings.push_back(TableMissing(table));
    stream->dropped = true;  // Write records it
  }
  // The table was never completed, or the user dropped it, so it starts again with any generation.
  // Its owner remains only if rows are staged or are being loaded.
  history.completed_generation = 0;
  if (!stream->status.temp.exists && !history.live) history.connection_id.clear();
  return absl::OkStatus();
}

absl::StatusOr<int64_t> StartDecision::NewestGeneration(const Stream& stream) {
  const StreamPlan& plan = stream.record->plan;
  int64_t newest = std::max(stream.history.completed_generation, stream.history.live_generation);
  if (!stream.status.temp.empty) {
    SYNCLINE_ASSIGN_OR_RETURN(const postgres::GenerationBounds staged,
                              GetStagedGenerations(*transaction_, *ledger_, plan));
    newest = std::max(newest, staged.highest);
  }
  if (stream.status.real.empty) return newest;
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t loaded,
      LoadedGeneration(*transaction_, plan, stream.status.real, stream.history));
  return std::max(newest, loaded);
}

absl::Status StartDecision::DecideGeneration(Stream* stream) {
  StreamPlan& plan = stream->record->plan;
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t newest, NewestGeneration(*stream));
  const GenerationRequest& request = stream->request->generation;
  const GenerationRange range = ResolveGeneration(request, newest);
  if (range.generation_id < newest && request.generation_id.has_value()) {
    return StaleGeneration(plan.table, range.generation_id, newest);
  }
  plan.generation_id = range.generation_id;
  plan.minimum_generation_id = range.minimum_id;
  plan.loader = ::syncline::LoaderFor(plan.write_mode, range);
  return absl::OkStatus();
}

absl::Status StartDecision::PlanSchema(Stream* stream) {
  TableToPlan table;
  table.status = stream->status.real;
  SYNCLINE_ASSIGN_OR_RETURN(table.staged_rows, PublishesStaged(*stream));
  table.keeps_replaced = options_.keeps_replaced;
  table.max_rewrite_bytes = options_.max_rewrite_bytes;
  SYNCLINE_ASSIGN_OR_RETURN(table.replaced, Replaces(*stream));
  if (table.replaced) return PlanReplace(*transaction_, *ledger_, table, stream->record);
  SYNCLINE_RETURN_IF_ERROR(PlanTable(*transaction_, *ledger_, table, stream->record));
  const StreamPlan& plan = stream->record->plan;
  const bool changes_rows = plan.write_mode == WriteMode::kDedup ||
                            plan.older_generations == OlderGenerations::kMarkDeleted;
  return changes_rows && table.status.exists ? PlanIdentity(*transaction_, stream->record)
                                             : absl::OkStatus();
}

absl::StatusOr<bool> StartDecision::PublishesStaged(const Stream& stream) {
  if (!stream.status.temp.exists || stream.status.temp.empty) return false;
  const StreamPlan& plan = stream.record->plan;
  LoaderContext context;
  context.ledger = ledger_;
  SYNCLINE_ASSIGN_OR_RETURN(const StagingFacts staging,
                            GatherStaging(context, *transaction_, plan, stream.status.temp));
  SYNCLINE_ASSIGN_OR_RETURN(StagingRequest request,
                            GatherStagingRequest(context, *transaction_, plan));
  if (stream.dropped) request.completed_in_generation = false;
  const StagingAction action = DecideStaging(request, staging).action;
  return action == StagingAction::kKeep || action == StagingAction::kCopyIn;
}

absl::StatusOr<bool> StartDecision::Replaces(const Stream& stream) {
  const StreamPlan& plan = stream.record->plan;
  if (!IsTruncate(plan.loader)) return false;
  if (stream.status.real.empty) return true;
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t loaded,
      LoadedGeneration(*transaction_, plan, stream.status.real, stream.history));
  if (loaded < plan.minimum_generation_id) return true;
  // If the target holds a part of the generation, staged rows are added to it, unless they restart
  // the generation.
  SYNCLINE_ASSIGN_OR_RETURN(
      const bool completed,
      postgres::HasCompletedGeneration(*transaction_, *ledger_, plan.table, plan.generation_id));
  SYNCLINE_ASSIGN_OR_RETURN(const std::optional<postgres::StagingMark> mark,
                            postgres::GetStagingMark(*transaction_, *ledger_, plan.table));
  StagingFacts staging;
  staging.empty = stream.status.temp.empty;
  staging.restart = mark.has_value() && mark->restart && mark->generation_id == plan.generation_id;
  return IsRestart(MakeStagingRequest(plan, completed), staging);
}

}  // namespace syncline::write

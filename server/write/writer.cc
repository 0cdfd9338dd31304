#include "server/write/writer.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/postgres/schema_evolution.h"
#include "server/postgres/table_operations.h"
#include "server/write/write_errors.h"

namespace syncline::write {

absl::StatusOr<StartedSync> Writer::Start(const SyncDraft& draft) {
  SYNCLINE_ASSIGN_OR_RETURN(StartedSync started, Claim(draft));
  if (started.sync.state != SyncState::kStarting) return started;
  std::vector<StreamPlan> plans;
  for (const StreamRecord& stream : started.sync.streams) plans.push_back(stream.plan);
  SYNCLINE_RETURN_IF_ERROR(CreateNamespaces(plans));
  for (const StreamPlan& plan : plans) {
    SYNCLINE_RETURN_IF_ERROR(LoaderFor(plan)->Start());
  }
  SYNCLINE_RETURN_IF_ERROR(context_.database->Transact([&](postgres::Transaction& transaction) {
    return context_.ledger->MarkRunning(transaction, started.sync.sync_no);
  }));
  started.sync.state = SyncState::kRunning;
  return started;
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

absl::StatusOr<StartedSync> Writer::Claim(const SyncDraft& draft) {
  StartedSync started;
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        const std::string& sync_id = draft.sync.sync_id;
        SYNCLINE_RETURN_IF_ERROR(
            context_.ledger->Lock(transaction, absl::StrCat("sync/", sync_id)));
        SYNCLINE_ASSIGN_OR_RETURN(std::optional<SyncRecord> known,
                                  context_.ledger->FindSync(transaction, sync_id));
        if (known.has_value()) {
          if (known->request_digest != draft.sync.request_digest) return SyncIdReused(sync_id);
          started = {*std::move(known), /*resumed=*/true};
          return absl::OkStatus();
        }
        started = {draft.sync, /*resumed=*/false};
        return Decide(transaction, draft, &started.sync);
      }));
  return started;
}

absl::StatusOr<postgres::TableHistory> Writer::HistoryOf(
    postgres::Transaction& transaction, const TableName& table,
    const postgres::InitialStatus& status) const {
  SYNCLINE_ASSIGN_OR_RETURN(postgres::TableHistory history,
                            context_.ledger->GetTableHistory(transaction, table));
  if (status.real.exists) return history;
  // Never completed, or dropped by hand: such a table starts afresh. What is staged or about to be
  // keeps its owner.
  SYNCLINE_RETURN_IF_ERROR(context_.ledger->ForgetGenerations(transaction, table));
  history.completed_generation = 0;
  if (!status.temp.exists && !history.live) history.connection_id.clear();
  return history;
}

absl::StatusOr<int64_t> Writer::NewestGeneration(postgres::Transaction& transaction,
                                                 const StreamPlan& plan,
                                                 const postgres::InitialStatus& status,
                                                 const postgres::TableHistory& history) const {
  int64_t newest = std::max(history.completed_generation, history.live_generation);
  if (!status.temp.empty) {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t staged,
                              postgres::GetGenerationId(transaction, plan.temp_table));
    newest = std::max(newest, staged);
  }
  if (status.real.empty) return newest;
  SYNCLINE_ASSIGN_OR_RETURN(const int64_t loaded,
                            LoadedGeneration(transaction, plan.table, status.real, history));
  return std::max(newest, loaded);
}

absl::Status Writer::Decide(postgres::Transaction& transaction, const SyncDraft& draft,
                            SyncRecord* sync) const {
  std::vector<postgres::StreamTables> tables;
  std::vector<std::string> locks;
  for (const StreamRecord& stream : sync->streams) {
    tables.push_back({stream.plan.table, stream.plan.temp_table});
    locks.push_back(absl::StrCat("table/", stream.plan.table.ToString()));
  }
  // In one order, so that two syncs of the same tables never wait for each other in a circle.
  std::sort(locks.begin(), locks.end());
  for (const std::string& lock : locks) {
    SYNCLINE_RETURN_IF_ERROR(context_.ledger->Lock(transaction, lock));
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::InitialStatus> statuses,
                            postgres::GatherInitialStatus(transaction, tables));
  for (size_t i = 0; i < sync->streams.size(); ++i) {
    StreamPlan& plan = sync->streams[i].plan;
    const postgres::InitialStatus& status = statuses[i];
    SYNCLINE_ASSIGN_OR_RETURN(const postgres::TableHistory history,
                              HistoryOf(transaction, plan.table, status));
    if (!history.connection_id.empty() && history.connection_id != sync->connection_id) {
      return TableOwned(plan.table);
    }
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t newest,
                              NewestGeneration(transaction, plan, status, history));
    const GenerationRequest& request = draft.generations[i];
    const GenerationRange range = ResolveGeneration(request, newest);
    if (range.generation_id < newest && request.generation_id.has_value()) {
      return StaleGeneration(plan.table, range.generation_id, newest);
    }
    plan.generation_id = range.generation_id;
    plan.minimum_generation_id = range.minimum_id;
    plan.loader = ::syncline::LoaderFor(plan.write_mode, range);
    // A replace makes the table anew, in the types that are declared.
    if (status.real.exists && !IsTruncate(plan.loader)) {
      SYNCLINE_RETURN_IF_ERROR(postgres::KeepAsText(transaction, plan.table, &plan.schema));
    }
  }
  SYNCLINE_RETURN_IF_ERROR(context_.ledger->InsertSync(transaction, sync));
  for (const StreamRecord& stream : sync->streams) {
    SYNCLINE_RETURN_IF_ERROR(
        context_.ledger->SupersedeStreams(transaction, sync->sync_no, stream.plan));
  }
  return absl::OkStatus();
}

}  // namespace syncline::write

#include "server/write/start_decision.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/postgres/schema_evolution.h"
#include "server/postgres/table_operations.h"
#include "server/write/loaders/stream_loader.h"
#include "server/write/write_errors.h"

namespace syncline::write {

absl::Status StartDecision::Decide(const SyncDraft& draft, SyncRecord* sync) {
  std::vector<Stream> streams(sync->streams.size());
  for (size_t i = 0; i < streams.size(); ++i) {
    streams[i].request = &draft.requests[i];
    streams[i].record = &sync->streams[i];
  }
  SYNCLINE_RETURN_IF_ERROR(LockTables(*sync));
  SYNCLINE_RETURN_IF_ERROR(Gather(&streams));
  for (Stream& stream : streams) {
    SYNCLINE_RETURN_IF_ERROR(DecideStream(*sync, &stream));
  }
  SYNCLINE_RETURN_IF_ERROR(ledger_->InsertSync(*transaction_, sync));
  for (const StreamRecord& stream : sync->streams) {
    SYNCLINE_RETURN_IF_ERROR(ledger_->SupersedeStreams(*transaction_, sync->sync_no, stream.plan));
  }
  return absl::OkStatus();
}

absl::Status StartDecision::LockTables(const SyncRecord& sync) {
  std::vector<std::string> locks;
  for (const StreamRecord& stream : sync.streams) {
    locks.push_back(absl::StrCat("table/", stream.plan.table.ToString()));
  }
  // In one order, so that two syncs of the same tables never wait for each other in a circle.
  std::sort(locks.begin(), locks.end());
  return ledger_->LockAll(*transaction_, locks);
}

absl::Status StartDecision::Gather(std::vector<Stream>* streams) {
  std::vector<postgres::StreamTables> tables;
  for (const Stream& stream : *streams) {
    tables.push_back({stream.record->plan.table, stream.record->plan.temp_table});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::InitialStatus> statuses,
                            postgres::GatherInitialStatus(*transaction_, tables));
  for (size_t i = 0; i < streams->size(); ++i) (*streams)[i].status = statuses[i];
  return absl::OkStatus();
}

absl::Status StartDecision::DecideStream(const SyncRecord& sync, Stream* stream) {
  SYNCLINE_RETURN_IF_ERROR(ReadHistory(stream));
  const std::string& owner = stream->history.connection_id;
  if (!owner.empty() && owner != sync.connection_id) {
    return TableOwned(stream->record->plan.table);
  }
  SYNCLINE_RETURN_IF_ERROR(DecideGeneration(stream));
  return PlanSchema(stream);
}

absl::Status StartDecision::ReadHistory(Stream* stream) {
  const TableName& table = stream->record->plan.table;
  postgres::TableHistory& history = stream->history;
  SYNCLINE_ASSIGN_OR_RETURN(history, ledger_->GetTableHistory(*transaction_, table));
  if (stream->status.real.exists) return absl::OkStatus();
  // Never completed, or dropped by the user: such a table starts afresh. What is staged or about to
  // be keeps its owner.
  SYNCLINE_RETURN_IF_ERROR(ledger_->ForgetGenerations(*transaction_, table));
  history.completed_generation = 0;
  if (!stream->status.temp.exists && !history.live) history.connection_id.clear();
  return absl::OkStatus();
}

absl::StatusOr<int64_t> StartDecision::NewestGeneration(const Stream& stream) {
  const StreamPlan& plan = stream.record->plan;
  int64_t newest = std::max(stream.history.completed_generation, stream.history.live_generation);
  if (!stream.status.temp.empty) {
    SYNCLINE_ASSIGN_OR_RETURN(const int64_t staged,
                              postgres::GetGenerationId(*transaction_, plan.temp_table));
    newest = std::max(newest, staged);
  }
  if (stream.status.real.empty) return newest;
  SYNCLINE_ASSIGN_OR_RETURN(
      const int64_t loaded,
      LoadedGeneration(*transaction_, plan.table, stream.status.real, stream.history));
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
  StreamPlan& plan = stream->record->plan;
  // A replace makes the table anew, in the types that are declared.
  if (!stream->status.real.exists || IsTruncate(plan.loader)) return absl::OkStatus();
  return postgres::KeepAsText(*transaction_, plan.table, &plan.schema);
}

}  // namespace syncline::write

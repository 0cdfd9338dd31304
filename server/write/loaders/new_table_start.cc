#include "server/write/loaders/new_table_start.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/model/staging_decision.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/staging_ledger.h"
#include "server/postgres/table/table_shape.h"
#include "server/write/loaders/staging_start.h"
#include "server/write/meta_defaults.h"
#include "server/write/table_evolution.h"

namespace syncline::write {
namespace {

// Streams that start in one transaction. `entries` are copies, which replace the streams' entries
// after the commit; `started` has the indices of those that the transaction starts.
class Group {
 public:
  Group(const LoaderContext& context, std::vector<StreamEntry*> streams)
      : context_(context), streams_(std::move(streams)) {}

  absl::Status Start();
  // Replaces the entries of the streams that Start has started, and adds them to `started`.
  void Publish(std::set<const StreamEntry*>* started);

 private:
  absl::Status StartIn(postgres::Transaction& transaction);
  // Locks the names of the tables in one order, so that two syncs cannot deadlock.
  absl::Status LockTables(postgres::Transaction& transaction);
  // Reads the streams' states. A stream that is no longer kOpen starts without any change.
  absl::Status ReadStates(postgres::Transaction& transaction);
  // Finds the open streams without tables.
  absl::StatusOr<std::vector<StreamEntry*>> FindMissing(postgres::Transaction& transaction);
  // Decides about the staging tables of the streams that stage, which were just created, and marks
  // them in the ledger.
  absl::Status MarkStaged(postgres::Transaction& transaction,
                          const std::vector<StreamEntry*>& streams);

  const LoaderContext& context_;
  const std::vector<StreamEntry*> streams_;
  std::vector<StreamEntry> entries_;
  std::set<size_t> started_;
};

absl::Status Group::Start() {
  postgres::TableLocks locks;
  for (const StreamEntry* stream : streams_) {
    locks.tables.insert(locks.tables.end(), {stream->plan.table, stream->plan.temp_table});
  }
  // One attempt: if a lock is not available, the others must not wait for the stream that needs it.
  postgres::LockPolicy policy = context_.locks;
  policy.deadline = absl::ZeroDuration();
  return postgres::TransactUnderPolicy(
      *context_.database, policy, locks,
      [this](postgres::Transaction& transaction) { return StartIn(transaction); });
}

absl::Status Group::StartIn(postgres::Transaction& transaction) {
  entries_.clear();
  for (const StreamEntry* stream : streams_) entries_.push_back(*stream);
  started_.clear();
  SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context_.locks));
  SYNCLINE_RETURN_IF_ERROR(LockTables(transaction));
  SYNCLINE_RETURN_IF_ERROR(ReadStates(transaction));
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<StreamEntry*> missing, FindMissing(transaction));
  std::vector<const StreamPlan*> plans;
  std::vector<StreamEntry*> staged;
  std::vector<const StreamEntry*> noted;
  for (StreamEntry* stream : missing) {
    plans.push_back(&stream->plan);
    stream->plan.meta_default = !GetMetaDefault(stream->plan).empty();
    const bool stages = StagesRows(stream->plan.loader);
    if (stages) staged.push_back(stream);
    if (stages || stream->plan.meta_default) noted.push_back(stream);
  }
  SYNCLINE_RETURN_IF_ERROR(MakeNewTables(transaction, plans));
  SYNCLINE_RETURN_IF_ERROR(MarkStaged(transaction, staged));
  // One statement, which locks the streams in the ledger's order.
  return postgres::NoteStaging(transaction, *context_.ledger, noted);
}

absl::Status Group::LockTables(postgres::Transaction& transaction) {
  std::vector<std::string> keys;
  for (const StreamEntry& stream : entries_) {
    keys.push_back(absl::StrCat("table/", stream.plan.table.ToString()));
  }
  std::sort(keys.begin(), keys.end());
  return context_.ledger->LockAll(transaction, keys);
}

absl::Status Group::ReadStates(postgres::Transaction& transaction) {
  std::vector<int64_t> stream_nos;
  for (const StreamEntry& stream : entries_) stream_nos.push_back(stream.plan.stream_no);
  SYNCLINE_ASSIGN_OR_RETURN(const auto states,
                            context_.ledger->GetStreamStates(transaction, stream_nos));
  for (size_t i = 0; i < entries_.size(); ++i) {
    const auto state = states.find(entries_[i].plan.stream_no);
    if (state == states.end()) continue;  // StreamLoader::Start returns the error
    entries_[i].state = state->second;
    if (state->second != StreamState::kOpen) started_.insert(i);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StreamEntry*>> Group::FindMissing(postgres::Transaction& transaction) {
  std::vector<TableName> tables;
  for (const StreamEntry& stream : entries_) {
    tables.insert(tables.end(), {stream.plan.table, stream.plan.temp_table});
  }
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::TableShape> shapes,
                            postgres::LookUpShapes(transaction, tables));
  std::vector<StreamEntry*> missing;
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (entries_[i].state != StreamState::kOpen) continue;
    if (shapes[2 * i].exists || shapes[2 * i + 1].exists) continue;
    started_.insert(i);
    missing.push_back(&entries_[i]);
  }
  return missing;
}

absl::Status Group::MarkStaged(postgres::Transaction& transaction,
                               const std::vector<StreamEntry*>& streams) {
  if (streams.empty()) return absl::OkStatus();
  std::vector<const StreamPlan*> plans;
  plans.reserve(streams.size());
  for (const StreamEntry* stream : streams) plans.push_back(&stream->plan);
  SYNCLINE_ASSIGN_OR_RETURN(
      const std::vector<bool> completed,
      postgres::HaveCompletedGenerations(transaction, *context_.ledger, plans));
  for (size_t i = 0; i < streams.size(); ++i) {
    const StagingFacts staging = {.exists = true};
    streams[i]->plan.restart = IsRestart(MakeStagingRequest(*plans[i], completed[i]), staging);
    streams[i]->staged_alone = staging.empty;
  }
  return postgres::SetStagingMarks(transaction, *context_.ledger, {streams.begin(), streams.end()});
}

void Group::Publish(std::set<const StreamEntry*>* started) {
  for (const size_t index : started_) {
    *streams_[index] = std::move(entries_[index]);
    started->insert(streams_[index]);
  }
}

}  // namespace

bool CreatesTarget(const StreamEntry& stream) {
  return std::any_of(stream.changes.begin(), stream.changes.end(), [](const SchemaChange& change) {
    return change.kind == SchemaChange::Kind::kCreateTable;
  });
}

std::set<const StreamEntry*> StartNewTables(const LoaderContext& context,
                                            const std::vector<StreamEntry*>& streams) {
  std::set<const StreamEntry*> started;
  for (size_t first = 0; first < streams.size(); first += kMaxNewTables) {
    const auto begin = streams.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end =
        begin + static_cast<std::ptrdiff_t>(std::min(kMaxNewTables, streams.size() - first));
    Group group(context, {begin, end});
    const absl::Status status = group.Start();
    if (status.ok()) {
      group.Publish(&started);
      continue;
    }
    Log(LogLevel::kInfo, "streams_start_one_by_one")
        .Field("streams", static_cast<int64_t>(end - begin))
        .Error(status);
    // The next group would only wait for the database again.
    if (absl::IsUnavailable(status)) break;
  }
  return started;
}

}  // namespace syncline::write

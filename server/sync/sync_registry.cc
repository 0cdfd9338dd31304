#include "server/sync/sync_registry.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status_macros.h"
#include "server/sync/sync_errors.h"
#include "server/write/write_errors.h"

namespace syncline::sync {
namespace {

// A lock that is held for less is waited for, even if other calls need the memory meanwhile.
constexpr absl::Duration kMinLockedTime = absl::Seconds(10);

// The ledger may store a failed stream under a substitute name; the caller gets its own.
void RestoreDescriptors(const StartRequest& request, SyncEntry* sync) {
  for (size_t i = 0; i < sync->streams.size() && i < request.streams.size(); ++i) {
    StreamEntry& stream = sync->streams[i];
    if (stream.state == StreamState::kFailed) {
      stream.plan.descriptor = request.streams[i].descriptor;
    }
  }
}

}  // namespace

SyncRegistry::SyncRegistry(const SessionContext& context, StartLimits limits)
    : context_(context), limits_(std::move(limits)) {}

SyncRegistry::~SyncRegistry() = default;

bool SyncRegistry::Sync::HasEnded() const {
  return std::all_of(streams.begin(), streams.end(),
                     [](const auto& stream) { return stream.second.ended; });
}

bool SyncRegistry::Sync::IsIdle() const {
  return std::all_of(streams.begin(), streams.end(),
                     [](const auto& stream) { return stream.second.session.use_count() == 1; });
}

absl::StatusOr<std::shared_ptr<StreamSession>> SyncRegistry::Sync::Find(
    const StreamDescriptor& descriptor) const {
  const auto could_not_start = failed.find(descriptor);
  if (could_not_start != failed.end()) return could_not_start->second;
  const auto stream = streams.find(descriptor);
  return stream == streams.end() ? nullptr : stream->second.session;
}

absl::StatusOr<StartedSync> SyncRegistry::Start(const StartRequest& request) {
  SYNCLINE_ASSIGN_OR_RETURN(const write::SyncDraft draft, CheckStartRequest(request, limits_));
  const RunningWork::Work work(&running_, draft.sync.sync_id, RunningWork::Kind::kStart);
  SYNCLINE_RETURN_IF_ERROR(work.admitted());
  SYNCLINE_ASSIGN_OR_RETURN(StartedSync started, context_.writer->Start(draft));
  RestoreDescriptors(request, &started.sync);
  if (started.sync.state != SyncState::kRunning) {
    context_.store->changed().Ended(started.sync.sync_no);
  }
  for (const int64_t sync_no : started.superseded) context_.store->changed().Ended(sync_no);
  Insert(started.sync);
  Log(LogLevel::kInfo, "sync_started")
      .Field("sync_id", started.sync.sync_id)
      .Field("streams", static_cast<int64_t>(started.sync.streams.size()))
      .Field("resumed", started.resumed);
  return started;
}

absl::StatusOr<SyncEntry> SyncRegistry::Preview(const StartRequest& request) {
  SYNCLINE_ASSIGN_OR_RETURN(const write::SyncDraft draft, CheckStartRequest(request, limits_));
  SYNCLINE_ASSIGN_OR_RETURN(SyncEntry sync, context_.writer->Preview(draft));
  RestoreDescriptors(request, &sync);
  return sync;
}

SyncRegistry::Sync SyncRegistry::Insert(const SyncEntry& record) {
  // Sessions resolve metrics handles when they are created, so this is done outside the registry's
  // lock.
  Sync sync;
  sync.used = absl::Now();
  sync.owner = record.owner;
  sync.extensible = record.extensible;
  for (const StreamEntry& stream : record.streams) {
    if (stream.state == StreamState::kFailed) {
      sync.failed[stream.plan.descriptor] = stream.error;
      continue;
    }
    sync.streams[stream.plan.descriptor] = {
        std::make_shared<StreamSession>(&context_, record.sync_no, record.sync_id, stream.plan),
        HasEnded(stream.state)};
  }
  MutexLock lock(&mutex_);
  const auto [known, is_new] = syncs_.try_emplace(record.sync_id, std::move(sync));
  if (is_new) return known->second;
  // `sync` was not moved. The sync was extended: sessions that exist go on.
  known->second.used = absl::Now();
  for (const StreamEntry& stream : record.streams) {
    const auto session = known->second.streams.find(stream.plan.descriptor);
    if (session != known->second.streams.end()) session->second.session->UsePlan(stream.plan);
  }
  known->second.streams.merge(sync.streams);
  known->second.failed.merge(sync.failed);
  return known->second;
}

absl::StatusOr<std::shared_ptr<StreamSession>> SyncRegistry::FindStream(
    absl::string_view sync_id, const StreamDescriptor& descriptor) {
  {
    MutexLock lock(&mutex_);
    const auto known = syncs_.find(sync_id);
    if (known != syncs_.end()) {
      known->second.used = absl::Now();
      SYNCLINE_ASSIGN_OR_RETURN(std::shared_ptr<StreamSession> session,
                                known->second.Find(descriptor));
      if (session != nullptr) return session;
    }
  }
  // Another replica may have started or extended the sync.
  SYNCLINE_ASSIGN_OR_RETURN(const Sync read, Load(sync_id));
  SYNCLINE_ASSIGN_OR_RETURN(std::shared_ptr<StreamSession> session, read.Find(descriptor));
  if (session == nullptr) return write::UnknownStream(descriptor);
  return session;
}

bool SyncRegistry::HasStream(absl::string_view sync_id, const StreamDescriptor& descriptor) const {
  MutexLock lock(&mutex_);
  const auto sync = syncs_.find(sync_id);
  return sync != syncs_.end() && sync->second.streams.contains(descriptor);
}

absl::Status SyncRegistry::Reload(absl::string_view sync_id) { return Load(sync_id).status(); }

absl::StatusOr<SyncRegistry::Sync> SyncRegistry::Load(absl::string_view sync_id) {
  SYNCLINE_ASSIGN_OR_RETURN(const SyncEntry record, context_.store->GetSync(sync_id));
  if (record.state == SyncState::kStarting) return NotStarted(sync_id);
  return Insert(record);
}

absl::StatusOr<StreamEntry> SyncRegistry::Complete(absl::string_view sync_id,
                                                   const StreamDescriptor& descriptor,
                                                   const CompletionRequest& request) {
  SYNCLINE_ASSIGN_OR_RETURN(std::shared_ptr<StreamSession> session,
                            FindStream(sync_id, descriptor));
  const RunningWork::Work work(&running_, sync_id, RunningWork::Kind::kCompletion);
  SYNCLINE_ASSIGN_OR_RETURN(StreamEntry stream, session->Complete(request));
  session.reset();
  Ended(std::string(sync_id), descriptor);
  return stream;
}

absl::StatusOr<bool> SyncRegistry::MovesRows(absl::string_view sync_id,
                                             const StreamDescriptor& descriptor,
                                             const CompletionRequest& request) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::shared_ptr<StreamSession> session,
                            FindStream(sync_id, descriptor));
  if (write::MovesRows(*session->newest_plan(), request)) return true;
  // Only a sync that can be extended may have another plan in the ledger.
  bool extensible = true;
  {
    MutexLock lock(&mutex_);
    const auto sync = syncs_.find(sync_id);
    if (sync != syncs_.end()) extensible = sync->second.extensible;
  }
  if (!extensible) return false;
  SYNCLINE_ASSIGN_OR_RETURN(const std::shared_ptr<const StreamPlan> plan, session->ReadPlan());
  return write::MovesRows(*plan, request);
}

absl::StatusOr<Validation> SyncRegistry::Validate(absl::string_view sync_id,
                                                  const StreamDescriptor& descriptor,
                                                  const CompletionRequest& request) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::shared_ptr<StreamSession> session,
                            FindStream(sync_id, descriptor));
  return session->Validate(request);
}

void SyncRegistry::Ended(const std::string& sync_id, const StreamDescriptor& descriptor) {
  Sync forgotten;  // destroyed after the lock
  MutexLock lock(&mutex_);
  const auto sync = syncs_.find(sync_id);
  if (sync == syncs_.end()) return;
  const auto stream = sync->second.streams.find(descriptor);
  if (stream != sync->second.streams.end()) stream->second.ended = true;
  if (!sync->second.HasEnded() || !sync->second.IsIdle()) return;
  forgotten = std::move(sync->second);
  syncs_.erase(sync);
}

absl::Status SyncRegistry::CheckOwner(absl::string_view sync_id, const Identity& caller) {
  if (caller.owner.empty()) return absl::OkStatus();
  std::optional<std::string> owner;
  {
    MutexLock lock(&mutex_);
    const auto sync = syncs_.find(sync_id);
    if (sync != syncs_.end()) owner = sync->second.owner;
  }
  if (!owner.has_value()) {
    SYNCLINE_ASSIGN_OR_RETURN(owner, context_.store->GetOwner(sync_id));
  }
  return MayAccess(caller, *owner) ? absl::OkStatus() : write::UnknownSync(sync_id);
}

absl::StatusOr<SyncEntry> SyncRegistry::Get(absl::string_view sync_id) {
  return context_.store->GetSummary(sync_id);
}

absl::StatusOr<std::vector<SyncEntry>> SyncRegistry::List(const SyncQuery& query) {
  return context_.store->ListSyncs(query);
}

absl::StatusOr<RejectedPage> SyncRegistry::ListRejected(const RejectedQuery& query) {
  return context_.store->ListRejected(query);
}

absl::StatusOr<SyncEntry> SyncRegistry::Cancel(absl::string_view sync_id) {
  SYNCLINE_ASSIGN_OR_RETURN(SyncEntry record, context_.store->CancelSync(sync_id));
  std::vector<std::shared_ptr<StreamSession>> sessions;
  {
    MutexLock lock(&mutex_);
    const auto sync = syncs_.find(std::string(sync_id));
    if (sync != syncs_.end()) {
      for (auto& [descriptor, stream] : sync->second.streams) {
        stream.ended = true;
        sessions.push_back(stream.session);
      }
    }
  }
  for (const auto& session : sessions) session->FailCalls(SyncWasCancelled());
  running_.Interrupt(sync_id, SyncWasCancelled());
  Log(LogLevel::kInfo, "sync_cancelled").Field("sync_id", sync_id);
  return record;
}

std::vector<std::shared_ptr<StreamSession>> SyncRegistry::Sessions() const {
  MutexLock lock(&mutex_);
  std::vector<std::shared_ptr<StreamSession>> sessions;
  for (const auto& [id, sync] : syncs_) {
    for (const auto& [descriptor, stream] : sync.streams) sessions.push_back(stream.session);
  }
  return sessions;
}

void SyncRegistry::EndCalls(const absl::Status& status) {
  for (const auto& session : Sessions()) session->EndCalls(status);
}

void SyncRegistry::FailCalls(const absl::Status& status) {
  for (const auto& session : Sessions()) session->FailCalls(status);
}

void SyncRegistry::FlushOlderThan(absl::Duration age) {
  for (const auto& session : Sessions()) session->FlushOlderThan(age);
}

void SyncRegistry::NoteAges() {
  for (const auto& session : Sessions()) session->NoteAge();
}

void SyncRegistry::FlushIdle() {
  for (const auto& session : Sessions()) session->FlushIdle();
}

void SyncRegistry::FailLocked(const MemoryBudget& budget) {
  struct Locked {
    std::shared_ptr<WriterCall> call;
    WriterCall::LockedData data;
    TableName table;
  };
  std::vector<Locked> locked;
  std::set<const void*> all_locked;
  int64_t held = 0;
  const absl::Time before = absl::Now() - kMinLockedTime;
  for (const auto& session : Sessions()) {
    for (auto& call : session->Calls()) {
      const std::optional<WriterCall::LockedData> data = call->locked_data();
      if (!data.has_value()) continue;
      all_locked.insert(call.get());
      if (data->since > before) continue;
      held += data->bytes;
      locked.push_back({std::move(call), *data, session->plan().table});
    }
  }
  if (!budget.HasOtherWaiter(all_locked)) return;
  const int64_t capacity = budget.capacity_bytes();
  const int64_t max_bytes = std::clamp<int64_t>(capacity - budget.next_bytes(), 0, capacity / 2);
  std::sort(locked.begin(), locked.end(),
            [](const Locked& a, const Locked& b) { return a.data.since < b.data.since; });
  for (const Locked& one : locked) {
    if (held <= max_bytes) return;
    held -= one.data.bytes;
    one.call->Fail(LockedOut(one.table));
  }
}

int64_t SyncRegistry::open_calls() const {
  int64_t calls = 0;
  for (const auto& session : Sessions()) calls += session->open_calls();
  return calls;
}

void SyncRegistry::ForgetIdle(absl::Duration age) {
  const absl::Time before = absl::Now() - age;
  std::vector<Sync> forgotten;  // destroyed after the lock
  MutexLock lock(&mutex_);
  for (auto sync = syncs_.begin(); sync != syncs_.end();) {
    const bool unused = sync->second.HasEnded() || sync->second.used < before;
    if (unused && sync->second.IsIdle()) {
      forgotten.push_back(std::move(sync->second));
      sync = syncs_.erase(sync);
    } else {
      ++sync;
    }
  }
}

}  // namespace syncline::sync

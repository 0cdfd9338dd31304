#include "server/write/writer.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/base/status_macros.h"
#include "server/postgres/table_operations.h"
#include "server/write/start_decision.h"
#include "server/write/write_errors.h"

namespace syncline::write {
namespace {

void LogFailure(const SyncRecord& sync, const StreamRecord& stream) {
  Log(LogLevel::kWarning, "stream_failed")
      .Field("sync_id", sync.sync_id)
      .Field("namespace", stream.plan.descriptor.name_space)
      .Field("stream", stream.plan.descriptor.name)
      .Error(stream.error);
}

}  // namespace

absl::StatusOr<StartedSync> Writer::Start(const SyncDraft& draft) {
  absl::StatusOr<StartedSync> claimed = Claim(draft, /*isolated=*/false);
  // Which stream it was is found out by another try: most syncs have none.
  if (draft.allow_partial && !claimed.ok() && ConcernsOneStream(claimed.status())) {
    claimed = Claim(draft, /*isolated=*/true);
  }
  SYNCLINE_ASSIGN_OR_RETURN(StartedSync started, std::move(claimed));
  SyncRecord& sync = started.sync;
  if (!started.resumed) {
    for (const StreamRecord& stream : sync.streams) {
      if (stream.state == StreamState::kFailed) LogFailure(sync, stream);
    }
  }
  if (sync.state != SyncState::kStarting) return started;
  SYNCLINE_RETURN_IF_ERROR(StartStreams(draft.allow_partial, &sync));
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(context_.ledger->MarkRunning(transaction, sync.sync_no));
        SYNCLINE_ASSIGN_OR_RETURN(sync.state,
                                  context_.ledger->GetSyncState(transaction, sync.sync_no));
        return absl::OkStatus();
      }));
  return started;
}

absl::Status Writer::StartStreams(bool allow_partial, SyncRecord* sync) {
  std::map<std::string, absl::Status> schemas;
  for (StreamRecord& stream : sync->streams) {
    if (stream.state != StreamState::kOpen) continue;
    const auto [made, is_new] = schemas.try_emplace(stream.plan.table.schema);
    if (is_new) made->second = CreateNamespaces({stream.plan});
    absl::Status status = made->second;
    if (status.ok()) status = LoaderFor(stream.plan)->Start(&stream);
    if (status.ok()) continue;
    if (!allow_partial || !ConcernsOneStream(status)) return status;
    SYNCLINE_RETURN_IF_ERROR(Fail(*sync, status, &stream));
  }
  return absl::OkStatus();
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

absl::Status Writer::Fail(const SyncRecord& sync, const absl::Status& error, StreamRecord* stream) {
  stream->state = StreamState::kFailed;
  stream->error = error;
  LogFailure(sync, *stream);
  return context_.database->Transact([&](postgres::Transaction& transaction) {
    return context_.ledger->FailStream(transaction, *stream);
  });
}

absl::Status Writer::Resume(postgres::Transaction& transaction, const SyncDraft& draft,
                            const SyncRecord& known) {
  if (known.request_digest != draft.sync.request_digest) return SyncIdReused(known.sync_id);
  const std::string& digest = draft.sync.input_digest;
  if (digest.empty() || digest == known.input_digest) return absl::OkStatus();
  if (!known.input_digest.empty()) return InputChanged(known.sync_id);
  return context_.ledger->NoteInput(transaction, known.sync_no, digest);
}

absl::StatusOr<StartedSync> Writer::Claim(const SyncDraft& draft, bool isolated) {
  StartedSync started;
  SYNCLINE_RETURN_IF_ERROR(
      context_.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        const std::string& sync_id = draft.sync.sync_id;
        SYNCLINE_RETURN_IF_ERROR(
            context_.ledger->Lock(transaction, absl::StrCat("sync/", sync_id)));
        SYNCLINE_ASSIGN_OR_RETURN(std::optional<SyncRecord> known,
                                  context_.ledger->FindSync(transaction, sync_id));
        if (known.has_value()) {
          SYNCLINE_RETURN_IF_ERROR(Resume(transaction, draft, *known));
          started = {*std::move(known), /*resumed=*/true};
          return absl::OkStatus();
        }
        started = {draft.sync, /*resumed=*/false};
        return StartDecision(context_.ledger, &transaction, context_.max_rewrite_bytes, isolated)
            .Decide(draft, &started.sync);
      }));
  return started;
}

}  // namespace syncline::write

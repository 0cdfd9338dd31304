#include "server/write/writer.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/postgres/table_operations.h"
#include "server/write/write_errors.h"

namespace syncline::write {

absl::StatusOr<StartedSync> Writer::Start(const SyncDraft& draft) {
  SYNCLINE_ASSIGN_OR_RETURN(StartedSync started, Claim(draft));
  if (started.sync.state != SyncState::kStarting) return started;
  std::vector<StreamPlan> plans;
  for (const StreamRecord& stream : started.sync.streams) plans.push_back(stream.plan);
  SYNCLINE_RETURN_IF_ERROR(CreateNamespaces(plans));
  for (StreamRecord& stream : started.sync.streams) {
    SYNCLINE_RETURN_IF_ERROR(LoaderFor(stream.plan)->Start(&stream));
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
        return StartDecision(context_.ledger, &transaction).Decide(draft, &started.sync);
      }));
  return started;
}

}  // namespace syncline::write

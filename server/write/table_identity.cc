#include "server/write/table_identity.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/error.h"
#include "base/log.h"
#include "base/reasons.h"
#include "base/status_macros.h"
#include "server/model/enum_names.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/table/replica_identity.h"

namespace syncline::write {
namespace {

constexpr char kFull[] = "full";

// Returns whether the identity is missing and can be set.
bool Lacks(const postgres::PublishedTable& table) {
  return !table.identified && postgres::DescribeIdentityProblem(table).empty();
}

absl::Status Frozen(const StreamPlan& plan, const postgres::PublishedTable& table) {
  ErrorDetail detail;
  detail.reason = reason::kSchemaFrozen;
  detail.metadata = {{"changes", "replica identity full"}};
  detail.subject = plan.table.ToString();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat("the schema policy FREEZE does not allow to set the replica "
                                "identity of ",
                                table.subject,
                                ", of which a publication sends updates or deletions: set REPLICA "
                                "IDENTITY FULL, or add a primary key"),
                   detail);
}

}  // namespace

absl::Status PlanIdentity(postgres::Transaction& transaction, StreamEntry* stream) {
  SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::PublishedTable> published,
                            postgres::FindPublishedTables(transaction, stream->plan.table));
  for (const postgres::PublishedTable& table : published) {
    if (!Lacks(table)) continue;
    if (stream->plan.schema_policy == SchemaPolicy::kFreeze) return Frozen(stream->plan, table);
    stream->changes.push_back({.kind = SchemaChange::Kind::kReplicaIdentity,
                               .column = "",
                               .from = table.identity,
                               .to = kFull});
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

absl::Status EnsureIdentity(const LoaderContext& context, const StreamPlan& plan) {
  bool needed = false;
  SYNCLINE_RETURN_IF_ERROR(
      context.database->Transact([&](postgres::Transaction& transaction) -> absl::Status {
        needed = false;
        SYNCLINE_ASSIGN_OR_RETURN(const std::vector<postgres::PublishedTable> published,
                                  postgres::FindPublishedTables(transaction, plan.table));
        for (const postgres::PublishedTable& table : published) needed = needed || Lacks(table);
        return absl::OkStatus();
      }));
  if (!needed) return absl::OkStatus();
  SYNCLINE_RETURN_IF_ERROR(postgres::TransactAgainstReaders(
      *context.database, context.locks,
      {.tables = {plan.table}, .need = postgres::LockNeed::kReaders},
      [&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_RETURN_IF_ERROR(postgres::LimitLockWaits(transaction, context.locks));
        return postgres::EnsureReplicaIdentity(transaction, plan.table).status();
      }));
  Log(LogLevel::kInfo, "schema_changed")
      .Field("table", plan.table.ToString())
      .Field("kind", ToText(SchemaChange::Kind::kReplicaIdentity))
      .Field("to", kFull);
  return absl::OkStatus();
}

}  // namespace syncline::write

#include "server/write/meta_defaults.h"

#include <cstdint>
#include <vector>

#include "base/log.h"
#include "base/status_macros.h"
#include "server/model/plain_meta.h"
#include "server/postgres/ledger/meta_defaults.h"
#include "server/postgres/table/meta_default.h"

namespace syncline::write {
namespace {

// Readers wait for the lock, so the transaction has nothing else to do.
void Drop(postgres::Database& database, const postgres::Ledger& ledger,
          const postgres::LockPolicy& policy, const postgres::LeftMetaDefault& left) {
  const absl::Status dropped = postgres::TransactAgainstReaders(
      database, postgres::ForFollowUp(policy),
      {.tables = {left.table}, .need = postgres::LockNeed::kReaders},
      [&](postgres::Transaction& transaction) -> absl::Status {
        if (!left.used) {
          SYNCLINE_RETURN_IF_ERROR(postgres::DropMetaDefault(transaction, left.table,
                                                             MakePlainMeta(left.airbyte_sync_id)));
        }
        return postgres::ClearMetaDefault(transaction, ledger.quoted_schema(), left.stream_no);
      });
  if (dropped.ok()) return;
  Log(LogLevel::kWarning, "meta_default_not_dropped")
      .Field("table", left.table.ToString())
      .Error(dropped);
}

}  // namespace

std::string GetMetaDefault(const StreamPlan& plan) {
  return plan.schema.meta == TableMeta::kFull ? MakePlainMeta(plan.airbyte_sync_id) : "";
}

void EndMetaDefault(postgres::Database& database, const postgres::Ledger& ledger,
                    const postgres::LockPolicy& policy, const StreamPlan& plan) {
  Drop(database, ledger, policy,
       {.stream_no = plan.stream_no,
        .table = plan.table,
        .airbyte_sync_id = plan.airbyte_sync_id,
        .used = false});
}

absl::Status DropLeftMetaDefaults(postgres::Database& database, const postgres::Ledger& ledger,
                                  const postgres::LockPolicy& policy,
                                  const std::set<TableName>* tables) {
  std::vector<postgres::LeftMetaDefault> left;
  SYNCLINE_RETURN_IF_ERROR(
      database.Transact([&](postgres::Transaction& transaction) -> absl::Status {
        SYNCLINE_ASSIGN_OR_RETURN(
            left, postgres::FindLeftMetaDefaults(transaction, ledger.quoted_schema()));
        return absl::OkStatus();
      }));
  for (const postgres::LeftMetaDefault& one : left) {
    if (tables == nullptr || tables->count(one.table) > 0) Drop(database, ledger, policy, one);
  }
  return absl::OkStatus();
}

}  // namespace syncline::write

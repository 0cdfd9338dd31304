#include "server/write/placement_decision.h"

#include <string>

#include "base/status_macros.h"
#include "server/model/distribution.h"
#include "server/model/placement_rules.h"
#include "server/model/table_placement.h"
#include "server/write/table_renewal.h"

namespace syncline::write {

absl::Status DecidePlacement(const postgres::Transaction& transaction, NewTableDistribution setting,
                             const postgres::InitialStatus& status, StreamPlan* plan) {
  const postgres::TableStatus& target = status.real;
  // Staged rows of a table that does not exist yet are where it will be.
  const bool is_new = !target.exists && !status.temp.exists;
  const bool on_citus = transaction.on_citus();
  if (on_citus && is_new && !target.placement.placed()) {
    plan->distribution = ChooseDistribution(*plan, setting);
  }
  const bool staged = !target.exists && status.temp.exists;
  return CheckPlacement(*plan, {.exists = target.exists || staged,
                                .on_citus = on_citus,
                                .placement = staged ? status.temp.placement : target.placement,
                                .access_method = target.access_method});
}

void DescribePlacement(const postgres::InitialStatus& status, StreamPlan* plan) {
  plan->access_method = status.real.access_method;
  const bool staged = !status.real.exists && status.temp.exists;
  plan->placement = staged ? status.temp.placement : status.real.placement;
  const std::string column = GetDistributionColumn(*plan);
  if (status.real.exists || staged || column.empty()) return;
  plan->placement = {.kind = TablePlacement::Kind::kHash, .column = column};
}

absl::Status CheckPlacedChanges(const postgres::TableStatus& target, const StreamEntry& stream) {
  const TablePlacement& placement = target.placement;
  if (!placement.placed()) return absl::OkStatus();
  const TableName& table = stream.plan.table;
  SYNCLINE_RETURN_IF_ERROR(::syncline::CheckPlacedChanges(table, placement, stream.changes));
  if (!NeedsCopy(stream.changes)) return absl::OkStatus();
  return TargetDistributed(table, placement,
                           "its dropped columns leave no room for those of the stream",
                           "copy it into a new table that is distributed in the same way");
}

void RestoreDistributions(const SyncDraft& draft, NewTableDistribution setting, SyncEntry* sync) {
  for (StreamEntry& stream : sync->streams) {
    if (stream.state != StreamState::kOpen) continue;
    for (const StreamEntry& requested : draft.sync.streams) {
      if (!(requested.plan.descriptor == stream.plan.descriptor)) continue;
      stream.plan.distribution = requested.plan.distribution;
    }
    stream.plan.distribution = ChooseDistribution(stream.plan, setting);
  }
}

}  // namespace syncline::write

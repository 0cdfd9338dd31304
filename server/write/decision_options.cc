#include "server/write/decision_options.h"

#include "server/write/loaders/loader_steps.h"

namespace syncline::write {

DecisionOptions MakeDecisionOptions(const LoaderContext& context, const SyncDraft& draft) {
  DecisionOptions options;
  options.locks = context.locks;
  options.max_rewrite_bytes = context.max_rewrite_bytes;
  options.distribute_new_tables = context.distribute_new_tables;
  options.keeps_replaced = context.keeps_replaced();
  options.existing_schemas_only = draft.existing_schemas_only;
  return options;
}

postgres::TableLocks GetTableLocks(const SyncDraft& named) {
  postgres::TableLocks locks;
  for (const StreamEntry& stream : named.sync.streams) {
    if (stream.state == StreamState::kFailed) continue;
    locks.tables.insert(locks.tables.end(), {stream.plan.table, stream.plan.temp_table});
    // Where an older version staged.
    locks.staging.push_back({stream.plan.table.schema, stream.plan.temp_table.name});
    locks.keys.push_back(TableLockKey(stream.plan.table));
  }
  return locks;
}

}  // namespace syncline::write

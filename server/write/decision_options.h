// What a decision about the streams of a draft may do, and what it locks. Pure functions; any
// thread.
#pragma once

#include "server/postgres/connection/lock_policy.h"
#include "server/write/loaders/stream_loader.h"
#include "server/write/start_decision.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

DecisionOptions MakeDecisionOptions(const LoaderContext& context, const SyncDraft& draft);

// Returns what the decision about the streams of `named`, which have their tables, locks.
postgres::TableLocks GetTableLocks(const SyncDraft& named);

}  // namespace syncline::write

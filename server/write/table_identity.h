// Gives tables whose rows are updated or deleted a replica identity if a publication needs one.
//
// Stateless; safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Adds to `stream` the change that EnsureIdentity will make to its table. Only reads. Errors:
// FAILED_PRECONDITION SCHEMA_FROZEN if the stream's policy is FREEZE and the change is needed.
absl::Status PlanIdentity(postgres::Transaction& transaction, StreamEntry* stream);

// Sets the replica identity FULL of the target, its partitions and its children where a publication
// with updates or deletions covers them and they have none. Makes transactions of its own, under
// the lock policy. Call it before a merge, an in-place replace or the marking of rows.
absl::Status EnsureIdentity(const LoaderContext& context, const StreamPlan& plan);

}  // namespace syncline::write

// Counts what a stream would publish, before it does. Read-only.
//
// Stateless: safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "server/model/publish_guard.h"
#include "server/model/staging_decision.h"
#include "server/model/stream_plan.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/upsert.h"

namespace syncline::postgres {

// Returns the figures of `plan` that `guard` needs, except those of records, which the caller adds.
// Staged rows count as they would be published: for a deduplicated stream, the newest row of each
// key. The staging table must exist; the target may be missing. Errors: those of the transaction.
absl::StatusOr<PublishFigures> CountPublication(Transaction& transaction, const StreamPlan& plan,
                                                const PublishGuard& guard, CompletionAction how,
                                                bool target_exists);

// Returns how many rows publishing would insert, update and delete in the table.
absl::StatusOr<RowChanges> CountChanges(Transaction& transaction, const StreamPlan& plan,
                                        CompletionAction how, bool target_exists);

}  // namespace syncline::postgres

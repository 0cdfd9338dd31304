// Counting what a stream would publish, before it does. Only reads.
//
// Stateless: safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "server/model/plan.h"
#include "server/model/publish_guard.h"
#include "server/model/staging_decision.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/table/upsert.h"

namespace syncline::postgres {

// The figures of `plan` that `guard` asks for; those of records are the caller's. What is staged
// counts as it would be published: of a deduplicated stream the newest row of each key. The staging
// table exists; the target may not. Errors: those of the transaction.
absl::StatusOr<PublishFigures> CountPublication(Transaction& transaction, const StreamPlan& plan,
                                                const PublishGuard& guard, CompletionAction how,
                                                bool target_exists);

// How publishing would change the table, row by row.
absl::StatusOr<UpsertCounts> CountChanges(Transaction& transaction, const StreamPlan& plan,
                                          CompletionAction how, bool target_exists);

}  // namespace syncline::postgres

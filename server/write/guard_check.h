// Decides whether a stream may be published: by its guard, and by the rule that a replace of which
// every record was rejected does not empty the table.
//
// Stateless; safe from any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/completion_request.h"
#include "server/model/publish_guard.h"
#include "server/model/staging_decision.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::write {

// Call it right before the stream's rows are published, in the same transaction or, for a replace,
// in an earlier one; for an append, before it completes. `stream.plan.guard` is the guard of this
// completion. Only reads. Errors: FAILED_PRECONDITION PUBLISH_GUARD with every figure,
// ALL_REJECTED; those of the database. Staged rows are kept, and the completion can be repeated.
absl::Status CheckGuard(postgres::Transaction& transaction, const StreamEntry& stream,
                        CompletionAction how, bool target_exists);

// Returns the results of the guard's conditions, for CheckGuard and for a validation that changes
// nothing. A replace of which every record was rejected has an additional failed condition,
// allow_empty.
absl::StatusOr<std::vector<GuardResult>> JudgePublication(postgres::Transaction& transaction,
                                                          const StreamEntry& stream,
                                                          CompletionAction how, bool target_exists);

// Replaces `guard`, the stream's own, with that of `request` if it has one. The key, which only the
// stream's own guard has, is kept.
void UseGuard(const CompletionRequest& request, PublishGuard* guard);

}  // namespace syncline::write

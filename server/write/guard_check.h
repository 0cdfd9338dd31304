// Whether a stream may be published: its guard, and the rule that a replace of which every record
// was rejected empties nothing.
//
// Stateless: safe from any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/completion_request.h"
#include "server/model/plan.h"
#include "server/model/publish_guard.h"
#include "server/model/staging_decision.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::write {

// To be called right before the stream's rows are published, in the same transaction or, for a
// replace, in one before it; for an append, before it completes. `stream.plan.guard` is the guard
// that holds for this completion. Only reads. Errors: FAILED_PRECONDITION PUBLISH_GUARD with every
// figure, ALL_REJECTED; those of the database. What is staged stays, and the completion can be
// asked for again.
absl::Status CheckGuard(postgres::Transaction& transaction, const StreamRecord& stream,
                        CompletionAction how, bool target_exists);

// The conditions of the guard, judged, for CheckGuard and for an answer that changes nothing. A
// replace of which every record was rejected has one more that fails: allow_empty.
absl::StatusOr<std::vector<GuardResult>> JudgePublication(postgres::Transaction& transaction,
                                                          const StreamRecord& stream,
                                                          CompletionAction how, bool target_exists);

// Puts the guard of `request`, if it has one, in place of the stream's own, which knows the key.
void UseGuard(const CompletionRequest& request, PublishGuard* guard);

}  // namespace syncline::write

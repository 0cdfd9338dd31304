// Why a stream was cancelled: by a newer sync that took its table over, or by its caller.
//
// A statement on a running transaction. Stateless: safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/plan.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// What a call of the stream, which is kCancelled, answers: ABORTED SUPERSEDED when a stream of the
// same table started after that of `plan`, else FAILED_PRECONDITION SYNC_CANCELLED. Errors: those
// of the database.
absl::Status WhyCancelled(Transaction& transaction, const Ledger& ledger, const StreamPlan& plan);

}  // namespace syncline::postgres

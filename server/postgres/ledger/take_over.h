// Why a stream was cancelled: a newer sync took over its table, or its caller cancelled it.
//
// A statement in a running transaction. Stateless: safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/model/stream_plan.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// Returns the error for a call on the stream, which is kCancelled: ABORTED SUPERSEDED if a stream
// of the same table started after that of `plan`, otherwise FAILED_PRECONDITION SYNC_CANCELLED.
// Other errors: those of the database.
absl::Status GetCancellationError(Transaction& transaction, const Ledger& ledger,
                                  const StreamPlan& plan);

}  // namespace syncline::postgres

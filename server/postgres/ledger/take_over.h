// Whether a newer sync took a table over from a stream.
//
// A statement on a running transaction. Stateless: safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "server/model/plan.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/transaction.h"

namespace syncline::postgres {

// True when a stream of the same table started after that of `plan`.
absl::StatusOr<bool> WasTakenOver(Transaction& transaction, const Ledger& ledger,
                                  const StreamPlan& plan);

}  // namespace syncline::postgres

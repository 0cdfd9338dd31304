// Reads the rejected records of a sync with keyset pagination: the cost of a page depends on its
// size and not on its position.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/rejected_page.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// Returns the page that `query` requests; empty for a sync or stream that the ledger does not have.
absl::StatusOr<RejectedPage> ReadRejected(Transaction& transaction, absl::string_view quoted_schema,
                                          const RejectedQuery& query);

}  // namespace syncline::postgres

// Reads the rejected records of a sync, by keyset: a page costs what it holds, however far back it
// lies.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/rejected_page.h"
#include "server/postgres/connection/transaction.h"

namespace syncline::postgres {

// The page that `query` asks for; empty for a sync or stream that the ledger does not know.
absl::StatusOr<RejectedPage> ReadRejected(Transaction& transaction, absl::string_view quoted_schema,
                                          const RejectedQuery& query);

}  // namespace syncline::postgres

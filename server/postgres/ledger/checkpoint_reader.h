// Reads the committed checkpoints of a sync in pages that are bounded by bytes.
//
// `quoted_schema` is the ledger's schema, quoted for SQL. Stateless.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/checkpoint.h"
#include "server/postgres/connection/connection.h"

namespace syncline::postgres {

// Returns the numbered checkpoints that `query` selects. The database sends no more bytes than
// `query` allows. A state of more than kMaxStateBytes, which an earlier version accepted, is
// returned as dropped. What it returns is also durable on a synchronous standby, for which it
// waits up to 2 s. Blocks. Errors: UNAVAILABLE COMMIT_UNKNOWN; those of the database.
absl::StatusOr<CheckpointPage> ReadCheckpointPage(Connection& connection,
                                                  absl::string_view quoted_schema,
                                                  const CheckpointQuery& query);

}  // namespace syncline::postgres

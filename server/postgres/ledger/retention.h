// Retention: removes syncs that ended long ago from the ledger, with their streams, writers,
// checkpoints, field counts and rejected records.
//
// A sync stays while it has not ended, and while a staging table may contain rows of one of its
// streams, because a later sync decides with the stream's entries which of these rows to keep. What
// later syncs need of a removed one is kept: owner, names, columns and generations have tables of
// their own, and the generation also gets the sync's number and the last stream that completed in
// it.
#pragma once

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/ledger/ledger.h"

namespace syncline::postgres {

// Removes the syncs that ended more than `age` ago and returns how many. Uses many small
// transactions, which need not be durable, and stops between two of them when `proceed` returns
// false. If another server is removing syncs, it does nothing. Whatever it leaves, the next call
// removes. Blocks. Stateless: safe from any thread. Errors: those of Database::Transact.
absl::StatusOr<int64_t> RemoveOldSyncs(Database& database, const Ledger& ledger, absl::Duration age,
                                       const std::function<bool()>& proceed);

}  // namespace syncline::postgres

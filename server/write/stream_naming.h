// Assigns tables to the streams of a new sync, based on the ledger and the catalog.
//
// Reads only the catalog and the ledger, so that it never waits for a lock on a user's table. New
// streams are named under the lock of their schema's names, which ends with the transaction, so
// that two syncs that start at the same time never give one table to two streams. Blocking; safe
// from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

// Sets the tables of the draft's streams in their plans, adds warnings, and writes new names to the
// ledger. Names are permanent, even if the stream does not start. Keep the transaction short: every
// sync that names new streams in one of these schemas waits for it.
//
// A stream that requests an exact table that another stream of the sync loads becomes kFailed if
// the draft allows partial starts. Errors: otherwise INVALID_ARGUMENT INVALID_REQUEST for such a
// stream; those of the database.
absl::Status NameTables(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                        SyncDraft* draft);

}  // namespace syncline::write

// Gives the streams of a new sync their tables, by what the ledger and the catalog say.
//
// Only the catalog and the ledger are read, so that no lock on a user's table is waited for. New
// streams are named under the lock of their schema's names, which ends with the transaction: two
// syncs that start at once never give one table to two streams. Blocking; safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/write/sync_draft.h"

namespace syncline::write {

// Names the tables of the draft's streams, in their plans and warnings, and writes what is new to
// the ledger: names are for good, also of a stream that does not start. The transaction is to be
// short: every sync that names new streams in one of these schemas waits for it.
//
// A stream that asks for an exact table that another stream of the sync loads ends as kFailed when
// the draft allows partial starts. Errors: otherwise that error, INVALID_ARGUMENT INVALID_REQUEST;
// those of the database.
absl::Status NameTables(postgres::Transaction& transaction, const postgres::Ledger& ledger,
                        SyncDraft* draft);

}  // namespace syncline::write

// The steps that the loaders share. Each is a part of a transaction, except StartUnderLocks and
// CompleteUnderLocks, which make one.
//
// Stateless: safe from any thread. The functions block.
#pragma once

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/model/completion_request.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/model/table_name.h"
#include "server/postgres/connection/transaction.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/table/initial_status.h"
#include "server/write/loaders/stream_loader.h"

namespace syncline::write {

// Runs `start(transaction, status, &record)` under the lock policy and the lock of the table's
// name. `status` is what exists under that name, before records arrive. `record` is a copy of
// `*stream`, which it replaces after the transaction has committed. If the stream is no longer
// kOpen, only its state is read: a newer sync has taken over the table, which must not be changed,
// or another replica is ahead.
using StartStep =
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction,
                                   const postgres::InitialStatus& status, StreamEntry* record)>;
absl::Status StartUnderLocks(const LoaderContext& context, StreamEntry* stream, StartStep start);

// Returns the key of the lock under which a table's streams are started and completed.
inline std::string TableLockKey(const TableName& table) {
  return absl::StrCat("table/", table.ToString());
}

// Runs `complete`, which calls LockToComplete first, in a transaction, again from its start while
// another sync works on the table. Errors: ABORTED LOCK_NOT_AVAILABLE with RetryInfo, which names
// the session that does; those of Database::Transact.
absl::Status CompleteUnderLocks(
    const LoaderContext& context, const StreamPlan& plan,
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> complete);

// Locks the table's name against starts and other completions, and returns what exists under it.
// Call it first in a transaction. Errors: ABORTED SUPERSEDED if the stream is no longer
// kFinalizing.
absl::StatusOr<postgres::InitialStatus> LockToComplete(const LoaderContext& context,
                                                       postgres::Transaction& transaction,
                                                       const StreamPlan& plan);

// Returns the highest generation with rows in `table`, which must exist and not be empty. For a
// large table in the ledger, returns the ledger's generation, which is higher only if that
// generation left no rows.
absl::StatusOr<int64_t> LoadedGeneration(postgres::Transaction& transaction, const TableName& table,
                                         const postgres::TableStatus& status,
                                         const postgres::TableHistory& history);

// Returns whether the target already has rows of the generation with which `plan` replaces it, from
// an earlier sync. The target must not be swapped away then.
absl::StatusOr<bool> HoldsReplacement(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan,
                                      const postgres::TableStatus& real);

// Drops the staging table and its mark in the ledger, in the transaction that publishes its rows or
// gives them up.
absl::Status DropStaging(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan);

// Deletes the staged rows of the stream and keeps those of earlier ones. Drops staging if it is
// empty then.
absl::Status TakeBack(const LoaderContext& context, postgres::Transaction& transaction,
                      const StreamPlan& plan, StreamResult* result);

// Marks the rows of older generations in the target as deleted if the plan says so and `request` is
// COMPLETE. Returns their number. Errors: 55P03 if a row is locked by another session; the lock
// policy repeats the transaction.
absl::StatusOr<int64_t> MarkOlderRows(postgres::Transaction& transaction, const StreamPlan& plan,
                                      const CompletionRequest& request);

// Ends the stream with `result`: kCompleted for COMPLETE, else kIncomplete.
absl::Status EndStream(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamEntry& stream, const CompletionRequest& request,
                       const StreamResult& result);

}  // namespace syncline::write

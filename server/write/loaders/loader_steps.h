// The steps that the loaders share. Each is a part of a transaction, except StartUnderLocks,
// EvolveBeforehand, CompleteUnderLocks and DropUnneededIndexes, which make one.
//
// Stateless: safe from any thread. The functions block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
#include "server/postgres/table/schema_evolution.h"
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

// What a completion's transaction has done.
enum class CompletionStep {
  kDone,
  kEvolveFirst,  // nothing: EvolveBeforehand must run first
};

// Runs `complete`, which calls LockToComplete first, in a transaction, again from its start while
// another session locks the table. If it returns kEvolveFirst, which it may if `evolved` is false,
// runs EvolveBeforehand with `check` and then `complete` again. Errors: ABORTED LOCK_NOT_AVAILABLE
// with RetryInfo, which names the session; those of EvolveBeforehand and Database::Transact.
absl::Status CompleteUnderLocks(
    const LoaderContext& context, const StreamPlan& plan,
    absl::FunctionRef<absl::StatusOr<CompletionStep>(postgres::Transaction& transaction,
                                                     bool evolved)>
        complete,
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> check);

// Changes the definition of the target as the stream needs it, if it exists, in a transaction of
// its own under the lock policy: readers wait for such a change until its transaction ends, so it
// must not be part of one that moves rows. If Citus places the target, every row of it that was
// acknowledged is visible afterwards (postgres::SettleRows). `check` runs before a change, and its
// error prevents it. Does nothing if the stream's state is not `state`. A crash after it is
// harmless, because the next attempt finds the table changed.
absl::Status EvolveBeforehand(
    const LoaderContext& context, const StreamPlan& plan, StreamState state,
    postgres::CastFailure failure,
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction)> check);

// Drops indexes of ours that the table no longer needs (KeyIndexes::DropUnneeded), in a transaction
// of its own after the result is committed. If the lock is not available, the next completion of
// the table repeats it, and a line in the log reports the failure.
void DropUnneededIndexes(const LoaderContext& context, const TableName& table,
                         const std::optional<std::vector<std::string>>& key);

// Locks the table's name against starts and other completions, and returns what exists under it.
// Call it first in a transaction. Waits for locks stay bounded in the rest of the transaction,
// so that it ends before PostgreSQL ends a user's transaction that waits for it. Errors: ABORTED
// SUPERSEDED if the stream is no longer kFinalizing; FAILED_PRECONDITION TARGET_DISTRIBUTED if the
// target was distributed after its staging table had been created.
absl::StatusOr<postgres::InitialStatus> LockToComplete(const LoaderContext& context,
                                                       postgres::Transaction& transaction,
                                                       const StreamPlan& plan);

// Returns the highest generation with rows in the target, which must exist and not be empty. For a
// large table in the ledger, and for one without the column, returns the ledger's generation, which
// is higher only if that generation left no rows.
absl::StatusOr<int64_t> LoadedGeneration(postgres::Transaction& transaction, const StreamPlan& plan,
                                         const postgres::TableStatus& status,
                                         const postgres::TableHistory& history);

// Returns whether the target already has rows of the generation with which `plan` replaces it, from
// an earlier sync. The target must not be swapped away then.
absl::StatusOr<bool> HoldsReplacement(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan,
                                      const postgres::TableStatus& real);

// Locks the staging table, which must exist, against every other session. Call it before the target
// is locked in a transaction that ends with DropStaging, so that this does not fail after the work.
absl::Status LockStaging(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan);

// Drops the staging table and its mark in the ledger, in the transaction that publishes its rows or
// gives them up.
absl::Status DropStaging(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan);

// Deletes the staged rows of the stream and keeps those of earlier ones. Drops staging if it is
// empty then. Errors: INVALID_ARGUMENT INVALID_REQUEST if the rows have no raw ids.
absl::Status TakeBack(const LoaderContext& context, postgres::Transaction& transaction,
                      const StreamPlan& plan, StreamResult* result);

// Marks the rows of older generations in the target as deleted if the plan says so and `request` is
// COMPLETE. Returns their number. The target must be new or locked by LockForMerge.
absl::StatusOr<int64_t> MarkOlderRows(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan,
                                      const CompletionRequest& request);

// Ends the stream with `result`: kCompleted for COMPLETE, else kIncomplete.
absl::Status EndStream(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamEntry& stream, const CompletionRequest& request,
                       const StreamResult& result);

}  // namespace syncline::write

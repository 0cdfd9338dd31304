// StreamLoader: turns one stream's records into the table, from start to completion.
//
// docs/loading.md has the decision tables. Start and Complete are idempotent across a crash at any
// statement, because every step that moves rows is one transaction with the ledger's updates.
// Blocking; called from the finalizing pool and from StartSync. Safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/metrics/metrics.h"
#include "server/model/completion_request.h"
#include "server/model/loader_kind.h"
#include "server/model/stream_plan.h"
#include "server/model/sync_record.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/table/initial_status.h"

namespace syncline::write {

// Dependencies and limits shared by all loaders. Every pointer must outlive them.
struct LoaderContext {
  postgres::Database* database = nullptr;
  const postgres::Ledger* ledger = nullptr;
  // How long work on users' tables waits for its locks.
  postgres::LockPolicy locks;
  // SwapOptions::keep_generations of swaps that replace a generation.
  int keep_generations = 0;
  // Refuses a type change that rewrites a larger table.
  int64_t max_rewrite_bytes = int64_t{1} << 30;
};

class StreamLoader {
 public:
  virtual ~StreamLoader() = default;

  virtual LoaderKind kind() const = 0;

  // Creates the tables that records go to. Stores what that changed (changes, warnings, whether it
  // is a restart) in `stream`, which is the plan's, and in the ledger. Changes nothing if the
  // stream is no longer kOpen.
  virtual absl::Status Start(StreamEntry* stream) = 0;

  // Finalizes `stream`, which is kFinalizing, and ends it in the ledger as `request` specifies.
  // When it returns OK, the result is in the ledger.
  virtual absl::StatusOr<StreamResult> Complete(const StreamEntry& stream,
                                                const CompletionRequest& request,
                                                metrics::StreamMetrics& metrics) = 0;
};

// Returns the loader of `plan`, which is copied.
std::unique_ptr<StreamLoader> CreateStreamLoader(const LoaderContext& context,
                                                 const StreamPlan& plan);

// --- Shared by the loaders ---

// Runs `start(transaction, status, &record)` under the lock policy and the lock of the table's
// name. `status` is what exists under that name, before records arrive. `record` is a copy of
// `*stream`, which it replaces after the transaction has committed. If the stream is no longer
// kOpen, only its state is read: a newer sync has taken over the table, which must not be changed,
// or another replica is ahead.
using StartStep =
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction,
                                   const postgres::InitialStatus& status, StreamEntry* record)>;
absl::Status StartUnderLocks(const LoaderContext& context, StreamEntry* stream, StartStep start);

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

// Ends the stream with `result`: kCompleted for COMPLETE, else kIncomplete.
absl::Status EndStream(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamEntry& stream, const CompletionRequest& request,
                       const StreamResult& result);

}  // namespace syncline::write

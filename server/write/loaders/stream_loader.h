// StreamLoader: how one stream's records become the table, from start to completion.
//
// Decision tables: docs/loading.md. Start and Complete are idempotent across a crash at any
// statement: every step that moves rows is one transaction with the ledger's own. Blocking; called
// from the finalising pool and from StartSync. Safe from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/metrics/metrics.h"
#include "server/model/completion_request.h"
#include "server/model/plan.h"
#include "server/postgres/connection/database.h"
#include "server/postgres/connection/lock_policy.h"
#include "server/postgres/ledger/ledger.h"
#include "server/postgres/swap/swap.h"
#include "server/postgres/table/initial_status.h"

namespace syncline::write {

// What loaders work with; all outlive them.
struct LoaderContext {
  postgres::Database* database = nullptr;
  const postgres::Ledger* ledger = nullptr;
  postgres::SwapOptions swap;
  // A type change that rewrites a larger table is refused.
  int64_t max_rewrite_bytes = int64_t{1} << 30;
};

// How long work on a user's table waits for its locks.
postgres::LockPolicy LockPolicyOf(const LoaderContext& context);

class StreamLoader {
 public:
  virtual ~StreamLoader() = default;

  virtual LoaderKind kind() const = 0;

  // Makes the tables that records go to, and notes in `stream`, which is the plan's, and in the
  // ledger what that changed: changes, warnings, whether it is a restart. Leaves everything alone
  // when the stream is not kOpen any more.
  virtual absl::Status Start(StreamRecord* stream) = 0;

  // Finalises `stream`, which is kFinalizing, and ends it in the ledger as `request` asks. The
  // result is in the ledger when it returns OK.
  virtual absl::StatusOr<StreamResult> Complete(const StreamRecord& stream,
                                                const CompletionRequest& request,
                                                metrics::StreamMetrics& metrics) = 0;
};

// The loader of `plan`, which is copied.
std::unique_ptr<StreamLoader> CreateStreamLoader(const LoaderContext& context,
                                                 const StreamPlan& plan);

// --- what the loaders share ---

// Runs `start(transaction, status, &record)` under the lock policy and the lock of the table's
// name: with what exists under it, before records come. `record` is a copy of `*stream`, which is
// replaced by it when the transaction has committed. Only reads the state when the stream is not
// kOpen any more: a newer sync has taken the table over, whose tables are not to be touched, or
// another replica is ahead of us.
using StartStep =
    absl::FunctionRef<absl::Status(postgres::Transaction& transaction,
                                   const postgres::InitialStatus& status, StreamRecord* record)>;
absl::Status StartUnderLocks(const LoaderContext& context, StreamRecord* stream, StartStep start);

// Locks the table's name against starts and other completions and gathers what exists under it.
// First in a transaction.
// Errors: ABORTED SUPERSEDED when the stream is not kFinalizing any more.
absl::StatusOr<postgres::InitialStatus> LockToComplete(const LoaderContext& context,
                                                       postgres::Transaction& transaction,
                                                       const StreamPlan& plan);

// The greatest generation with rows in `table`, which exists and is not empty. Of a large table
// that the ledger knows it is what the ledger says: greater only when that generation left no rows.
absl::StatusOr<int64_t> LoadedGeneration(postgres::Transaction& transaction, const TableName& table,
                                         const postgres::TableStatus& status,
                                         const postgres::TableHistory& history);

// Whether rows of the generation that `plan` replaces with are in the final table already, put
// there by an earlier sync: then it is not to be swapped away.
absl::StatusOr<bool> HoldsReplacement(const LoaderContext& context,
                                      postgres::Transaction& transaction, const StreamPlan& plan,
                                      const postgres::TableStatus& real);

// Drops the staging table and what the ledger says of it, in the transaction that publishes its
// rows or gives them up.
absl::Status DropStaging(const LoaderContext& context, postgres::Transaction& transaction,
                         const StreamPlan& plan);

// Deletes the staged rows of the stream; what earlier ones staged stays.
absl::Status TakeBack(const LoaderContext& context, postgres::Transaction& transaction,
                      const StreamPlan& plan, StreamResult* result);

// Ends the stream with `result`: kCompleted for COMPLETE, else kIncomplete.
absl::Status EndStream(const LoaderContext& context, postgres::Transaction& transaction,
                       const StreamRecord& stream, const CompletionRequest& request,
                       const StreamResult& result);

}  // namespace syncline::write
